# Toolchain: builds for Windows on Debian with MinGW-w64's GCC; programs run under Wine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
find_program(NNIESIM_WINE NAMES wine64 wine PATHS /usr/lib/wine)
if(NNIESIM_WINE)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${NNIESIM_WINE})
endif()

# Kernels of wide registers need vector moves without alignment (kernels/isa.hpp); objects of templates have more
# sections than the old format counts.
add_compile_options(-Wa,-muse-unaligned-vector-move -Wa,-mbig-obj)
add_compile_definitions(NNIESIM_UNALIGNED_VECTOR_MOVES)
add_link_options(-static)

set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# The packages that only have headers are the host's. They are linked into a folder without the host's own C library,
# which their package files would put before that of Windows.
set(host ${CMAKE_BINARY_DIR}/host_headers)
file(MAKE_DIRECTORY ${host})
foreach(library xtensor xtl catch2 eigen3)
  file(CREATE_LINK /usr/include/${library} ${host}/${library} SYMBOLIC)
endforeach()
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${host} ${host}/eigen3)
file(WRITE ${host}/xtensorConfig.cmake "add_library(xtensor INTERFACE IMPORTED)\n")
file(WRITE ${host}/Eigen3Config.cmake "add_library(Eigen3::Eigen INTERFACE IMPORTED)\n")
file(GLOB catch_scripts /usr/lib/cmake/Catch2 /usr/lib/*/cmake/Catch2 /usr/share/cmake/Catch2)
file(WRITE ${host}/Catch2Config.cmake "add_library(Catch2::Catch2 INTERFACE IMPORTED)
list(APPEND CMAKE_MODULE_PATH ${catch_scripts})\n")
foreach(package xtensor Eigen3 Catch2)
  set(${package}_DIR ${host})
endforeach()
