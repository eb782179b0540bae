# Installation, pkg-config and CMake package files, and the .deb.
include(CMakePackageConfigHelpers)

set(LEAT_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/leat)
install(TARGETS leat RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS leat_shared EXPORT leat
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/leat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT leat NAMESPACE leat:: DESTINATION ${LEAT_CMAKE_DIR} FILE leat-targets.cmake)

configure_package_config_file(cmake/leat-config.cmake.in ${CMAKE_BINARY_DIR}/leat-config.cmake
                              INSTALL_DESTINATION ${LEAT_CMAKE_DIR})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/leat-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/leat-config.cmake ${CMAKE_BINARY_DIR}/leat-config-version.cmake
        DESTINATION ${LEAT_CMAKE_DIR})
configure_file(cmake/leat.pc.in ${CMAKE_BINARY_DIR}/leat.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/leat.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME leat)
set(CPACK_PACKAGE_CONTACT "The authors of Leat <leat@example.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "Takes tables through the whole workflow, from inference of types to\n\
 a model file and a report, in one command and one C library.")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What is opened at run time, which the linker does not tell of.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libcairo2, libcurl4, libpq5, libseccomp2, libssl3")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
include(CPack)
