#!/usr/bin/env bash
# readme.sh README.md network.cpp PROGRAM CFG: README prints the example as it is, and what it shows of the output is
# what the program prints.
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

if "$program" "$cfg" clasifier >/dev/null 2>"$folder/error"; then exit 1; fi
grep -qF "no layer 'clasifier'; nearest: 'classifier'" "$folder/error" || { cat "$folder/error"; exit 1; }
echo "README.md's network example is as it is printed there"
