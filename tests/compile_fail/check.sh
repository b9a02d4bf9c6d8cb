#!/usr/bin/env bash
# check.sh FILE INCLUDE_FOLDERS COMPILER...: with every compiler FILE must compile as it is, and must not with MUST_FAIL:
# then the compiler says what the file's line "// expected: REGEX" has, and no other error where that line begins with
# "// expected alone: ". INCLUDE_FOLDERS are separated by colons.
set -uo pipefail
file=$1 folders=$2
shift 2
flags=(-std=c++20 -fsyntax-only)
IFS=: read -ra folders <<<"$folders"
for folder in "${folders[@]}"; do flags+=("-I$folder"); done
expected=$(sed -nE 's,^// expected( alone)?: ,,p' "$file")
[ -n "$expected" ] || { echo "$file: no line '// expected: REGEX'"; exit 1; }
fail() {
  echo "$file: $compiler: $1"
  echo "$output" | cut -c1-300 | head -n 40
  exit 1
}
for compiler in "$@"; do
  all=()  # errors, and no guesses at what is meant, which bring errors of their own
  [[ $("$compiler" --version) != *clang* ]] || all=(-ferror-limit=0 -fno-spell-checking)
  output=$("$compiler" "${flags[@]}" "$file" 2>&1) || fail "does not compile"
  output=$("$compiler" "${flags[@]}" "${all[@]}" -DMUST_FAIL "$file" 2>&1) && fail "compiles with MUST_FAIL"
  grep -qE "$expected" <<<"$output" || fail "expected the message '$expected'"
  if grep -q "^// expected alone: " "$file" && grep "error: " <<<"$output" | grep -qvE "$expected"; then
    fail "expected no error but '$expected'"
  fi
done
