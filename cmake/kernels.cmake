# Leaf kernels: src/kernel/isa/*.c, compiled once per instruction set level into one exported table
# each. Nothing else gets -m flags. See docs/kernels.md.
set(LEAT_KERNEL_OBJECTS)

# Inlined, unrolled and then instrumented, one level takes minutes to compile; as plain functions it
# takes seconds and checks the same accesses.
if(LEAT_SANITIZE)
  set(LEAT_KERNEL_OPTIMISE -O1 -fno-inline -DLEATI_KERNELS_PLAIN)
else()
  set(LEAT_KERNEL_OPTIMISE -O3)
endif()

function(leat_kernel_level level)
  add_library(leat_kernels_${level} OBJECT src/kernel/isa/kernels.c src/kernel/isa/net_kernels.c)
  target_include_directories(leat_kernels_${level} PRIVATE include src)
  target_compile_definitions(leat_kernels_${level} PRIVATE LEATI_LEVEL=${level})
  target_compile_options(leat_kernels_${level} PRIVATE ${LEAT_KERNEL_OPTIMISE} -ffp-contract=fast
                         -Wno-psabi ${ARGN})
  set(LEAT_KERNEL_OBJECTS ${LEAT_KERNEL_OBJECTS} $<TARGET_OBJECTS:leat_kernels_${level}>
      PARENT_SCOPE)
endfunction()

# Where better levels are, none but a processor without them runs the generic one: it may be smaller.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|aarch64|arm64")
  set(LEAT_GENERIC $<$<CONFIG:Release>:-O2>)
endif()
leat_kernel_level(generic ${LEAT_GENERIC})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  leat_kernel_level(v2 -march=x86-64-v2)
  leat_kernel_level(v3 -march=x86-64-v3)
  leat_kernel_level(v4 -march=x86-64-v4)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  leat_kernel_level(neon)
endif()
