# leat_embed(FILE SYMBOL OUT): a C file that holds the bytes of FILE as `const unsigned char
# SYMBOL[]` and their number as `const size_t SYMBOL_size`. Made anew when FILE changes.
function(leat_embed file symbol out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
    "\\1\n" bytes "${bytes}")
  set(text "#include <stddef.h>\nextern const unsigned char ${symbol}[];\n")
  string(APPEND text "extern const size_t ${symbol}_size;\nconst unsigned char ${symbol}[] = {\n${bytes}};\n")
  string(APPEND text "const size_t ${symbol}_size = sizeof ${symbol};\n")
  file(CONFIGURE OUTPUT ${out} CONTENT "${text}" @ONLY)
endfunction()
