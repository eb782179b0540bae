# Test programs tests/unit/*_test.c and tests/battery/*_test.c, fuzz targets fuzz/*_fuzz.c (replayed
# by a plain main), benchmarks bench/*_bench.c. All of them see the insides of the library.
file(GLOB support CONFIGURE_DEPENDS tests/support/*.c)
add_library(leattest STATIC ${support})
target_include_directories(leattest PUBLIC tests include src)
target_link_libraries(leattest PUBLIC leat_dependencies)
pkg_check_modules(leattest_openssl IMPORTED_TARGET openssl) # for certificates; the library opens it by itself
if(leattest_openssl_FOUND)
  target_link_libraries(leattest PUBLIC PkgConfig::leattest_openssl)
endif()
target_compile_definitions(leattest PUBLIC
  LEATTEST_SHARED_DATA="${CMAKE_SOURCE_DIR}/../shared/data"
  LEATTEST_SOURCE_DIR="${CMAKE_SOURCE_DIR}" LEATTEST_BUILD_DIR="${CMAKE_BINARY_DIR}")

function(leat_program name source folder)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE leattest leat_static leat_dependencies)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder})
endfunction()

file(GLOB tests CONFIGURE_DEPENDS tests/unit/*_test.c tests/battery/*_test.c)
foreach(source IN LISTS tests)
  get_filename_component(name ${source} NAME_WE)
  leat_program(${name} ${source} tests)
  add_test(NAME ${name} COMMAND ${name})
endforeach()

# The samples of the battery of operations, a file per group.
file(GLOB samples CONFIGURE_DEPENDS tests/battery/op_samples*.c)
target_sources(op_test PRIVATE ${samples})

file(GLOB targets CONFIGURE_DEPENDS fuzz/*_fuzz.c)
foreach(source IN LISTS targets)
  get_filename_component(name ${source} NAME_WE)
  leat_program(${name} ${source} fuzz)
  if(LEAT_FUZZ_ENGINE)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE fuzz/replay.c)
  endif()
endforeach()

file(GLOB benchmarks CONFIGURE_DEPENDS bench/*_bench.c)
foreach(source IN LISTS benchmarks)
  get_filename_component(name ${source} NAME_WE)
  leat_program(${name} ${source} bench)
endforeach()

# onnx_dump prints what the reader of ONNX sees, for tools/compare-onnx.py; onnx_corpus makes
# fuzz/corpus/onnx.
leat_program(onnx_dump tests/onnx/onnx_dump.c onnx)
leat_program(onnx_corpus tests/onnx/onnx_corpus.c onnx)

# leat-onnx-tests runs ONNX's backend tests; onnx_conformance_test those that are known to pass.
leat_program(leat-onnx-tests tests/onnx/onnx_tests.c "")
foreach(name leat-onnx-tests onnx_conformance_test)
  target_sources(${name} PRIVATE tests/onnx/conformance.c)
endforeach()

# Examples in C: they see the public headers only and must end well, or with 4: no data here.
file(GLOB examples CONFIGURE_DEPENDS examples/*.c)
foreach(source IN LISTS examples)
  get_filename_component(name ${source} NAME_WE)
  add_executable(example_${name} ${source})
  target_link_libraries(example_${name} PRIVATE leat_static m)
  set_target_properties(example_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples
                        OUTPUT_NAME ${name})
  add_test(NAME example_${name} COMMAND example_${name})
  set_tests_properties(example_${name} PROPERTIES SKIP_RETURN_CODE 4)
endforeach()
