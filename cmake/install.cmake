# What `cmake --install` lays down: headers, nniesim::operators, and the files by which CMake and pkg-config find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/nniesim)
install(DIRECTORY include/nniesim DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/nniesim COMPONENT dev)
install(TARGETS nniesim EXPORT nniesim-targets)
install(EXPORT nniesim-targets NAMESPACE nniesim:: DESTINATION ${package_dir} COMPONENT dev)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/nniesim-config-version.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES cmake/nniesim-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/nniesim-config-version.cmake
        DESTINATION ${package_dir} COMPONENT dev)

# The paths of a file in prefix/share/pkgconfig, relative to it, so that what is installed can be moved.
set(pc "prefix=\${pcfiledir}/../..
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}
")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/nniesim.pc "${pc}
Name: nniesim
Description: ${CMAKE_PROJECT_DESCRIPTION}
Version: ${PROJECT_VERSION}
Requires: eigen3 xtensor
Cflags: -I\${includedir} -pthread
Libs: -pthread
")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/nniesim.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig COMPONENT dev)

if(NNIESIM_INSTALL_OPERATORS)
  install(TARGETS nniesim_operators EXPORT nniesim-operators
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
  install(EXPORT nniesim-operators NAMESPACE nniesim:: DESTINATION ${package_dir} COMPONENT dev)
  list(TRANSFORM operators_definitions PREPEND -D OUTPUT_VARIABLE flags)
  list(JOIN flags " " flags)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/nniesim-operators.pc "${pc}
Name: nniesim-operators
Description: The operators of networks for nniesim, compiled
Version: ${PROJECT_VERSION}
Requires: nniesim
Cflags: ${flags}
Libs: -L\${libdir} -lnniesim_operators
")
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/nniesim-operators.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig
          COMPONENT dev)
endif()
