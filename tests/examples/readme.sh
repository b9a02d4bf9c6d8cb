#!/usr/bin/env bash
# readme.sh README.md network.cpp PROGRAM CFG: README prints the example as it is, what it shows of the output is what
# the program prints, and its other lines of C++ stand in the programs of tests/consumers, which are built and run.
set -euo pipefail
readme=$1 source=$2 program=$3 cfg=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

awk -v first="$(head -n 1 "$source")" '
  inside && /^```$/ { exit }
  inside { print }
  !inside && last == "```cpp" && $0 == first { inside = 1; print }
  { last = $0 }' "$readme" >"$folder/printed"
diff "$source" "$folder/printed" || { echo "README.md does not print $source as it is"; exit 1; }

"$program" "$cfg" >"$folder/output"
awk '/^    \$ .*\/network$/ { inside = 1; next } inside && !/^    / { exit } inside { print substr($0, 5) }' "$readme" |
  grep -vx ' *\.\.\.' >"$folder/shown"
[ -s "$folder/shown" ] || { echo "README.md shows no output of network"; exit 1; }
while IFS= read -r line; do
  grep -qxF -e "$line" "$folder/output" || { echo "README.md shows what network does not print: $line"; exit 1; }
done <"$folder/shown"

awk '/^## / { inside = $0 == "## Use it" } /^```/ { fence = !fence } inside && !fence && /^    .*[;{]( +\/\/.*)?$/' "$readme" |
  sed 's/^ *//; s| *//.*||' >"$folder/lines"
[ -s "$folder/lines" ] || { echo "README.md has no lines of C++ any more"; exit 1; }
while IFS= read -r line; do
  grep -qF -e "$line" "$(dirname "$0")"/../consumers/*.cpp || { echo "README.md has a line that no consumer has: $line"; exit 1; }
done <"$folder/lines"

if "$program" "$cfg" clasifier >/dev/null 2>"$folder/error"; then exit 1; fi
grep -qF "no layer 'clasifier'; nearest: 'classifier'" "$folder/error" || { cat "$folder/error"; exit 1; }
echo "README.md's C++ is what is built and run"
