#!/usr/bin/env bash
# check.sh conan|vcpkg FOLDER [VCPKG_ROOT]: makes the package of the sources around it in FOLDER and builds a consumer
# against it, without the compiled operators, which take minutes. Conan takes Eigen and xtensor from the system, so that
# no network is needed. Says "skipped:" where the tool is not there.
set -euo pipefail
kind=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work"
case $kind in
  conan)
    command -v conan >/dev/null || { echo "skipped: no conan"; exit 0; }
    export CONAN_HOME=$work/home
    conan profile detect >/dev/null
    conan create "$here/conan" -o operators=False -o with_dependencies=False -s compiler.cppstd=20 --no-remote \
      -c tools.cmake.cmake_layout:test_folder="$work/test"
    ;;
  vcpkg)
    root=${3:-${VCPKG_ROOT:-}}
    [ -x "$root/vcpkg" ] || { echo "skipped: no vcpkg in VCPKG_ROOT"; exit 0; }
    "$root/vcpkg" install "nniesim[core]" --overlay-ports="$here/vcpkg" --x-install-root="$work/installed"
    cmake -S "$here/../../tests/install" -B "$work/build" -DWAY=package \
      -DCMAKE_TOOLCHAIN_FILE="$root/scripts/buildsystems/vcpkg.cmake" -DVCPKG_INSTALLED_DIR="$work/installed" \
      -DVCPKG_MANIFEST_MODE=OFF
    cmake --build "$work/build" --target consumer
    "$work/build/consumer"
    ;;
  *) echo "usage: check.sh conan|vcpkg FOLDER [VCPKG_ROOT]" >&2; exit 2 ;;
esac
