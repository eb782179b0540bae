# The C libraries that Leat stands on. Required ones stop the configuration; optional ones are
# named in the summary, and a build without them says what it lacks when asked for it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

add_library(leat_dependencies INTERFACE)
target_link_libraries(leat_dependencies INTERFACE Threads::Threads m ${CMAKE_DL_LIBS})

function(leat_require name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${name})
  target_link_libraries(leat_dependencies INTERFACE PkgConfig::${name})
endfunction()

function(leat_optional name define)
  pkg_check_modules(${name} IMPORTED_TARGET ${name})
  if(${name}_FOUND)
    target_link_libraries(leat_dependencies INTERFACE PkgConfig::${name})
    target_compile_definitions(leat_dependencies INTERFACE ${define}=1)
  else()
    message(STATUS "without ${name}")
    target_compile_definitions(leat_dependencies INTERFACE ${define}=0)
  endif()
endfunction()

# Opened at run time (dlopen), so that it costs nothing when it is not used: only headers here.
function(leat_headers name define)
  pkg_check_modules(${name} ${name})
  if(${name}_FOUND)
    target_include_directories(leat_dependencies SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
    target_compile_definitions(leat_dependencies INTERFACE ${define}=1)
  else()
    message(STATUS "without ${name}")
    target_compile_definitions(leat_dependencies INTERFACE ${define}=0)
  endif()
endfunction()

leat_require(zlib)
leat_require(jansson)
leat_require(yaml-0.1)
leat_optional(libzstd LEAT_HAVE_ZSTD)
leat_optional(sqlite3 LEAT_HAVE_SQLITE)
leat_headers(libcurl LEAT_HAVE_CURL)
leat_optional(cairo LEAT_HAVE_CAIRO)
