# An overlay port of the sources around it: vcpkg install nniesim --overlay-ports=cmake/packaging/vcpkg
get_filename_component(SOURCE_PATH ${CMAKE_CURRENT_LIST_DIR}/../../../.. ABSOLUTE)
vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES operators NNIESIM_INSTALL_OPERATORS)
if(NOT "operators" IN_LIST FEATURES)
  set(VCPKG_BUILD_TYPE release)  # headers are the same for all
endif()
vcpkg_cmake_configure(
  SOURCE_PATH ${SOURCE_PATH}
  OPTIONS -DNNIESIM_BUILD_TESTS=OFF -DNNIESIM_BUILD_EXAMPLES=OFF -DNNIESIM_BUILD_BENCH=OFF ${features})
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/nniesim)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug/include ${CURRENT_PACKAGES_DIR}/debug/share)
vcpkg_install_copyright(FILE_LIST ${SOURCE_PATH}/LICENSE)
