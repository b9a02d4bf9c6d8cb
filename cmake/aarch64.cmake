# Toolchain: builds for AArch64 on Debian with its cross compiler; programs run under qemu-user. The packages that only
# have headers are the host's: the compiler searches /usr/include last.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# QEMU_CPU in the environment names the processor.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
# Libraries of the host, for the other architecture, are not to be found; but xtensor's package file lies among them.
set(CMAKE_DISABLE_FIND_PACKAGE_GTest ON)
set(CMAKE_DISABLE_FIND_PACKAGE_OpenMP ON)
set(CMAKE_DISABLE_FIND_PACKAGE_JPEG ON)
set(CMAKE_DISABLE_FIND_PACKAGE_PNG ON)
file(GLOB xtensor_DIR /usr/lib/*/cmake/xtensor /usr/share/cmake/xtensor)
