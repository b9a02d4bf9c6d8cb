#!/usr/bin/env bash
# headers.sh FOLDER SOURCE COMPILER...: the headers as other people's builds have them, checked without making code.
set -euo pipefail
work=$1 source=$2
shift 2
rm -rf "$work"
mkdir -p "$work/new/xtensor/containers"
check() { "$compiler" -std=c++20 -fsyntax-only "$@" || { echo "failed: $compiler $*"; exit 1; }; }

# With -I alone: no warnings under a stricter user's flags, nor in the next C++, nor without type information.
strict=(-I"$source/include" -Werror -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
  -Wcast-qual -Wcast-align -Wfloat-equal -Wswitch-default -Wswitch-enum -Wdouble-promotion -Wformat=2 -Wundef
  -Wnon-virtual-dtor -Woverloaded-virtual -Wredundant-decls -Wextra-semi -Wzero-as-null-pointer-constant)
gcc=(-Wuseless-cast -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
clang=(-Wno-unknown-warning-option -Wunreachable-code -Wimplicit-fallthrough)
for compiler in "$@"; do
  if [[ $("$compiler" --version) == *clang* ]]; then own=("${clang[@]}") file=strict.cpp; else own=("${gcc[@]}") file=main.cpp; fi
  check "${strict[@]}" "${own[@]}" -DNNIESIM_EXTERN_OPERATORS "$source/tests/install/$file"
  check -I"$source/include" -std=c++2b -fno-rtti "$source/tests/install/main.cpp"
done

# xtensor 0.26 has other folders. A copy of it lies before the system's older one: none of that is taken with it.
compiler=$1
flat=$(echo '#include <xtensor/xarray.hpp>' | "$compiler" -std=c++20 -E -x c++ - | sed -nE 's,^# 1 "(.*/xtensor/xarray.hpp)".*,\1,p;T;q' || true)
if [ -z "$flat" ]; then
  echo "skipped: the system's xtensor is a new one itself"
  exit 0
fi
cat >"$work/new/xtensor/containers/xarray.hpp" <<END
#include "$flat"
#undef XTENSOR_VERSION_MINOR
#define XTENSOR_VERSION_MINOR 26
#define TAKEN_FROM_THE_NEW_ONE
END
cat >"$work/main.cpp" <<END
#if defined(OLD_ONE_FIRST)
#include "$flat"
#endif
#include <nniesim/tensor/tensor.hpp>
#if defined(OLD_ONE_FIRST) == defined(TAKEN_FROM_THE_NEW_ONE)
#error "headers of two versions of xtensor are mixed"
#endif
END
check -I"$source/include" -isystem "$work/new" "$work/main.cpp"
check -I"$source/include" -isystem "$work/new" -DOLD_ONE_FIRST "$work/main.cpp"
