#!/usr/bin/env bash
# versions.sh FOLDER SOURCE COMPILER: the headers with the Eigen and the xtensor of other Debian releases, which are
# fetched with apt; NNIESIM_OTHER_RELEASES names them, "bullseye trixie sid", and without it nothing is fetched.
set -euo pipefail
work=$1 source=$2 compiler=$3
releases=${NNIESIM_OTHER_RELEASES:-}
[ -n "$releases" ] || { echo "skipped: NNIESIM_OTHER_RELEASES names no releases"; exit 0; }
rm -rf "$work"
for release in $releases; do
  folder=$work/$release
  mkdir -p "$folder"/{lists/partial,archives/partial,packages}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $release main" \
    >"$folder/sources.list"
  apt=(-o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder" -o "Dir::Etc::sourcelist=$folder/sources.list"
    -o Dir::Etc::sourceparts=- -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -qq)
  apt-get "${apt[@]}" update
  includes=()
  for package in libeigen3-dev xtl-dev libxtensor-dev; do
    [ -n "$(apt-cache "${apt[@]}" show "$package" 2>/dev/null)" ] || continue  # then the system's
    (cd "$folder/packages" && apt-get "${apt[@]}" download "$package")
    dpkg -x "$folder/packages/$package"_*.deb "$folder/$package"
    includes+=(-isystem "$folder/$package/usr/include")
  done
  includes+=(-isystem "$folder/libeigen3-dev/usr/include/eigen3")
  (cd "$folder/packages" && ls)
  "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I"$source/include" "${includes[@]}" \
    "$source/tests/consumers/eigen_matrices.cpp"
done
