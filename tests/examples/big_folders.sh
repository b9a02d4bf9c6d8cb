#!/usr/bin/env bash
# Two folders of 2 GB of dumps each, compared by a process that may not have 100 MB, and a network that is too large for
# the memory that there is: big_folders.sh PROGRAM.
# The files are sparse, so that they take hardly any disk: zeros with a few values at known places.
set -uo pipefail
tool=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "FAILED: $*"
  exit 1
}
elements=$((128 << 20)) # of each file: 512 MiB of float32
make_file() { # path: zeros
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1024, 128, 1024), }" >"$1" &&
    truncate -s $((128 + 4 * elements)) "$1" || fail "$1 could not be made"
}
put() { # path, index, value as its bytes in octal
  printf "$3" | dd of="$1" bs=1 seek=$((128 + 4 * $2)) conv=notrunc status=none || fail "$1 could not be written"
}
two='\000\000\000\100' three='\000\000\100\100' four='\000\000\200\100' nan='\000\000\300\177'
last=$((elements - 1))
mkdir "$folder/reference" "$folder/other"
for name in ends equal nan twice; do
  for run in reference other; do make_file "$folder/$run/$name.npy"; done
  put "$folder/reference/$name.npy" 70000 "$three"
  put "$folder/reference/$name.npy" $last "$four"
done
put "$folder/other/ends.npy" 70000 "$three" # and not the last: cosine 3 / 5
put "$folder/other/equal.npy" 70000 "$three"
put "$folder/other/equal.npy" $last "$four"
put "$folder/other/nan.npy" 70000 "$three"
put "$folder/other/nan.npy" $last "$nan"
put "$folder/other/twice.npy" 70001 "$two" # in another place: cosine 0
put "$folder/other/twice.npy" 0 "$two"

(
  ulimit -v 100000
  exec "$tool" compare "$folder/reference" "$folder/other" --json
) >"$folder/out.json" || fail "compare in 100 MB ended with $?"
got=$(sed -n 's/^ *"\(layer\|cosine\|max_abs\|l2_reference\|bad_elements\)": "\{0,1\}\([^",]*\).*/\2/p' "$folder/out.json" | tr '\n' ' ')
expected="ends 5 0.6 4 0 equal 5 1 0 0 nan null null null 1 twice 5 0 4 0 "
[ "$got" = "$expected" ] || fail "got $got, expected $expected: $(cat "$folder/out.json")"
echo "2 GB against 2 GB in 100 MB: as expected; the files take $(du -sk "$folder" | cut -f 1) KB of disk"

cat >"$folder/large.prototxt" <<'EOF'
name: "large"
input: "data"
input_shape { dim: 1 dim: 1000000 dim: 32 dim: 32 }
layer { name: "relu" type: "ReLU" bottom: "data" top: "relu" }
EOF
printf '\012\005large\242\006\014\012\004relu\022\004ReLU' >"$folder/large.caffemodel"
for command in run diagnose search; do
  out=$(ulimit -v 4000000 && "$tool" $command --prototxt "$folder/large.prototxt" --caffemodel "$folder/large.caffemodel" \
    --picture "$folder/large.prototxt" 2>&1)
  [ $? -eq 2 ] && grep -q "network 'large' takes 8192[0-9]* bytes (7.6 GiB).*expected at most 4096000000 bytes" <<<"$out" ||
    fail "$command of a network of 7.6 GiB in 4: $out"
done
