#!/usr/bin/env bash
# readme.sh PAGE.md network.cpp PROGRAM CFG: the page prints the example as it is, and what it shows of the output is what
# the program prints. (docs/check.sh compares all blocks of C++.)
set -euo pipefail
page=$1 source=$2 program=$3 cfg=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

awk -v first="$(head -n 1 "$source")" '
  inside && /^```$/ { exit }
  inside { print }
  !inside && last == "```cpp" && $0 == first { inside = 1; print }
  { last = $0 }' "$page" >"$folder/printed"
diff "$source" "$folder/printed" || { echo "$page does not print $source as it is"; exit 1; }

"$program" "$cfg" >"$folder/output"
awk '/^    \$ .*\/network$/ { inside = 1; next } inside && !/^    / { exit } inside { print substr($0, 5) }' "$page" |
  grep -vx ' *\.\.\.' >"$folder/shown"
[ -s "$folder/shown" ] || { echo "$page shows no output of network"; exit 1; }
while IFS= read -r line; do
  grep -qxF -e "$line" "$folder/output" || { echo "$page shows what network does not print: $line"; exit 1; }
done <"$folder/shown"

if "$program" "$cfg" clasifier >/dev/null 2>"$folder/error"; then exit 1; fi
grep -qF "no layer 'clasifier'; nearest: 'classifier'" "$folder/error" || { cat "$folder/error"; exit 1; }
echo "$page: the example is what is built, its output what is printed"
