# What keeps the release build small (tools/check-binary), for all but the kernels and without making
# anything slower: what nothing calls is left out; C needs no tables for unwinding (debuggers and perf
# read .debug_frame instead); addresses that are fixed up at the start are listed compactly, where the
# linker and libc (glibc 2.36) know how.
include(CheckCSourceRuns)

set(LEAT_SMALL_COMPILE
    $<$<CONFIG:Release>:-ffunction-sections$<SEMICOLON>-fdata-sections$<SEMICOLON>-fno-asynchronous-unwind-tables>)
set(LEAT_SMALL_LINK $<$<CONFIG:Release>:-Wl,--gc-sections>)
if(NOT CMAKE_CROSSCOMPILING)
  set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,-z,pack-relative-relocs)
  check_c_source_runs("static int zero; static int *volatile to = &zero; int main(void) { return *to; }"
                      LEAT_PACKED_RELOCATIONS)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  if(LEAT_PACKED_RELOCATIONS)
    list(APPEND LEAT_SMALL_LINK $<$<CONFIG:Release>:-Wl,-z,pack-relative-relocs>)
  endif()
endif()
