#!/usr/bin/env bash
# verdicts.sh NNIE-DEBUG NETWORK-FOLDER [write]: runs the example of each page of examples/guide/diagnoses, a block of
# shell, and compares the verdict with the block of text behind it. With `write` the pages get what the tool says.
set -euo pipefail
export LC_ALL=C
tool=$(realpath "$1")
net=$(realpath "$2")
pages=$(realpath "$(dirname "$0")/../../examples/guide/diagnoses")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$tool" "$work/bin/nnie-debug"
export net PATH="$work/bin:$PATH"

block() { awk -v begin="^\`\`\`$2\$" '!inside && $0 ~ begin { inside = 1; next } inside && /^```$/ { exit } inside' "$1"; }
failures=0 examples=0
for page in "$pages"/*.md; do
  block "$page" sh >"$work/commands"
  [ -s "$work/commands" ] || continue
  examples=$((examples + 1))
  rm -rf "$work/folder"
  mkdir "$work/folder"
  # All but the last command prepare; of the last one's output the verdict is the first paragraph.
  { echo "set -euo pipefail; {"; sed '$d' "$work/commands"; echo ":; } >&2"; tail -n 1 "$work/commands"; } >"$work/script"
  (cd "$work/folder" && { bash "$work/script" 2>"$work/errors" || [ $? -eq 1 ]; }) >"$work/output" ||
    { tail -n 1 "$work/errors"; echo "$page: its example cannot be run"; failures=$((failures + 1)); continue; }
  awk '/^$/ { exit } { print }' "$work/output" >"$work/verdict"
  if [ "${3:-}" = write ]; then
    awk -v verdict="$work/verdict" '/^```text$/ { print; while ((getline line < verdict) > 0) print line; skip = 1; next }
      skip && /^```$/ { skip = 0 } !skip' "$page" >"$work/page"
    cat "$work/page" >"$page"
  fi
  block "$page" text >"$work/shown"
  diff "$work/shown" "$work/verdict" || { echo "$page: its example says something else"; failures=$((failures + 1)); }
  title=$(sed -n '1s/^# //p' "$page")
  grep -q "^$title\(:\|$\)" "$work/verdict" || { echo "$page: its example has another verdict"; failures=$((failures + 1)); }
done
[ $examples -ne 0 ] || { echo "no page of $pages has an example"; exit 1; }
[ $failures -eq 0 ] || exit 1
echo "$examples examples say what the tool says"
