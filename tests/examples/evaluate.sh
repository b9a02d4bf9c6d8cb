#!/usr/bin/env bash
# Evaluations over many pictures: killed and resumed, in shards, with bad input, in constant memory:
# evaluate.sh PROGRAM NETWORK-FOLDER [COUNT]. Needs Python for the pictures; 77 where there is none.
set -uo pipefail
tool=$(realpath "$1")
net=$(realpath "$2")
count=${3:-300}
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TMPDIR=$folder/tmp
mkdir "$TMPDIR"
export SOURCE_DATE_EPOCH=0  # summaries are compared
same_json() { cmp <(grep -v '"command' "$1") <(grep -v '"command' "$2"); }  # of other commands
fail() {
  echo "FAILED: $*"
  exit 1
}
refuses() { # TEXT COMMAND...: exits with 2 and says TEXT
  local text=$1
  shift
  "$@" >"$folder/out.txt" 2>"$folder/err.txt"
  local code=$?
  [ $code -eq 2 ] || fail "expected 2, got $code: $*"
  grep -qF -- "$text" "$folder/err.txt" || fail "expected '$text', got: $(cat "$folder/err.txt")"
}

python3 "$(dirname "$0")/feature_norm_pictures.py" "$net" "$count" "$folder/all" || fail "no pictures"
"$tool" calibrate --cfg "$net/feature_norm.cfg" -o "$folder/ranges.json" >/dev/null || fail "calibrate"
lists_of() { echo --list "$1/labelled.txt" --list "$1/comp1.txt" --list "$1/comp2.txt" --list "$1/comp3.txt" --labels; }
base=("$tool" evaluate --cfg "$net/feature_norm.cfg" --calibration "$folder/ranges.json")
# shellcheck disable=SC2207
all=("${base[@]}" $(lists_of "$folder/all") --top-k 1)

# One piece, by one thread and by two: the same bytes.
"${all[@]}" --state "$folder/one.eval" --json-file "$folder/one.json" --csv "$folder/one.csv" --html "$folder/one.html" \
  >"$folder/one.txt" || fail "one piece ended with $?"
"${all[@]}" --threads 2 --state "$folder/two.eval" --json >"$folder/two.json" || fail "two threads"
cmp "$folder/one.eval" "$folder/two.eval" || fail "two threads: other records"
same_json "$folder/one.json" "$folder/two.json" || fail "two threads: another summary"
grep -q "$count evaluated, 0 bad, 0 not done" "$folder/one.txt" || fail "$(head -5 "$folder/one.txt")"
python3 - "$folder" "$count" <<'EOS' || fail "its files are not what they should be"
import csv, json, sys, html.parser
folder, count = sys.argv[1], int(sys.argv[2])
j = json.load(open(f"{folder}/one.json"))
assert j["evaluated"] == count and j["labels"]["float"]["count"] > 0.9 * count, j["labels"]
assert j["decisions"][0]["quantized"]["count"] > 0.9 * count and len(j["norms"]) == 6 and len(j["worst_pictures"]) == 10
rows = list(csv.DictReader(open(f"{folder}/one.csv")))
assert len(rows) == 3 * len(j["layers"]) + 2 * len(j["norms"])
assert float(rows[0]["mean"]) == j["layers"][0]["cosine"]["mean"]["value"]
page = open(f"{folder}/one.html", encoding="utf-8").read()
html.parser.HTMLParser().feed(page)
assert page.count("<svg") == 9 and page.count("<svg") == page.count("</svg>"), page.count("<svg")
EOS
[ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"

# Killed at random moments, on two threads: no more than one picture on each is lost.
records() { "$tool" merge --incomplete --resamples 0 --json "$1" 2>/dev/null | sed -n 's/^ "evaluated": \([0-9]*\),.*/\1/p'; }
cat >"$folder/post.sh" <<'EOS'
echo begun >>"$LOG"
cksum <"$1/0.npy"
EOS
slow=("${all[@]}" --post "sh '$folder/post.sh' \"\$1\"" --threads 2 --state)
export LOG=$folder/log
touch "$LOG"
kills=0
moments=
for _ in 1 2 3 4 5 6; do
  "${slow[@]}" "$folder/killed.eval" >"$folder/out.txt" 2>"$folder/err.txt" &
  pid=$!
  moment=$((RANDOM % 700 + 100))
  moments+=" $moment"
  sleep "$(printf '0.%03d' $moment)"
  kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
  code=$?
  [ $code -eq 137 ] || [ $code -eq 0 ] || fail "killed after$moments ms: ended with $code: $(cat "$folder/err.txt")"
  [ $code -eq 137 ] && kills=$((kills + 1))
  sleep 0.2 # commands that it started end by themselves
  kept=$(records "$folder/killed.eval")
  begun=$(wc -l <"$LOG") # two for each picture: one for either network
  [ "$begun" -le $((2 * (${kept:-0} + 2 * kills))) ] || fail "killed after$moments ms: $begun commands, ${kept:-0} kept, $kills kills"
done
[ $kills -gt 0 ] || fail "never killed: the evaluation is too fast for this test"
"${slow[@]}" "$folder/killed.eval" --json-file "$folder/killed.json" >/dev/null || fail "killed after$moments ms: resumed, ended with $?"
"${slow[@]}" "$folder/whole.eval" --json-file "$folder/whole.json" >/dev/null || fail "with a command, in one piece: ended with $?"
cmp "$folder/killed.eval" "$folder/whole.eval" || fail "killed after$moments ms: other records"
same_json "$folder/killed.json" "$folder/whole.json" || fail "killed after$moments ms: another summary"

# Interrupted it ends between two pictures, says how to go on, and leaves nothing behind.
rm -rf "$TMPDIR"
mkdir "$TMPDIR"
"${slow[@]}" "$folder/interrupted.eval" >/dev/null 2>"$folder/err.txt" &
pid=$!
until [ -s "$folder/interrupted.eval" ] && [ "$(records "$folder/interrupted.eval")" -ge 2 ]; do sleep 0.02; done
kill -TERM $pid
wait $pid
code=$?
[ $code -eq 143 ] || fail "interrupted: ended with $code, expected 143: $(cat "$folder/err.txt")"
kept=$(records "$folder/interrupted.eval")
[ "$kept" -ge 2 ] && [ "$kept" -lt "$count" ] || fail "interrupted: $kept pictures kept"
[ -z "$(ls -A "$TMPDIR")" ] || fail "interrupted: left in TMPDIR: $(ls -A "$TMPDIR")"

# Four shards, joined in some order: the bits of one piece.
for shard in 0 1 2 3; do
  "${all[@]}" --shard $shard/4 --threads $((shard % 2 + 1)) --state "$folder/part$shard.eval" >/dev/null || fail "shard $shard"
done
"$tool" merge "$folder"/part{2,0,3,1}.eval -o "$folder/joined.eval" --json >"$folder/joined.json" || fail "merge"
cmp "$folder/one.eval" "$folder/joined.eval" || fail "shards: other records"
same_json "$folder/one.json" "$folder/joined.json" || fail "shards: another summary"
refuses "pictures are there; the first that is missing has number 1" "$tool" merge "$folder"/part{0,2,3}.eval
refuses "is in both" "$tool" merge "$folder"/part{0,1,1,3}.eval
refuses "differ in decisions" "$tool" merge "$folder/part0.eval" "$folder/whole.eval"
"${all[@]}" --mode 1 --shard 1/4 --state "$folder/mode1.eval" >/dev/null || fail "mode 1"
refuses "differ in precision of the layers" "$tool" merge "$folder"/{part0,mode1,part2,part3}.eval
refuses "is of another evaluation, with other precision of the layers" "${all[@]}" --mode 1 --state "$folder/one.eval"
refuses "is of shard 0/4, expected 1/4" "${all[@]}" --shard 1/4 --state "$folder/part0.eval"

# Damaged state files are named and stay as they are.
head -c -7 "$folder/one.eval" >"$folder/cut.eval"
"${all[@]}" --state "$folder/cut.eval" >/dev/null || fail "a file that was cut off"
cmp "$folder/one.eval" "$folder/cut.eval" || fail "a file that was cut off: other records"
python3 - "$folder" <<'EOS'
import sys
data = bytearray(open(f"{sys.argv[1]}/one.eval", "rb").read())
data[len(data) // 2] ^= 16
open(f"{sys.argv[1]}/flipped.eval", "wb").write(data)
EOS
cp "$folder/flipped.eval" "$folder/before.eval"
refuses "flipped.eval: " "${all[@]}" --state "$folder/flipped.eval"
cmp "$folder/flipped.eval" "$folder/before.eval" || fail "a damaged file was changed"
refuses "flipped.eval: " "$tool" merge "$folder/flipped.eval"

# Bad input is counted by name, or is an error before any work.
cp -r "$folder/all" "$folder/bad"
rm "$folder/bad/pictures/00003_comp2.png"
head -c 100 "$folder/all/pictures/00005_comp1.png" >"$folder/bad/pictures/00005_comp1.png"
sed -i -e '8s/ [0-9]*$/ 10/' -e '9s/ [0-9]*$/ -1/' "$folder/bad/labelled.txt"
# shellcheck disable=SC2046
"${base[@]}" $(lists_of "$folder/bad") --json >"$folder/bad.json" || fail "bad pictures are not to end it"
python3 - "$folder" "$count" <<'EOS' || fail "bad pictures: $(cat "$folder/bad.json")"
import json, sys
j = json.load(open(f"{sys.argv[1]}/bad.json"))
assert j["evaluated"] == int(sys.argv[2]) - 2 and j["bad"] == 2
assert [b["picture"] for b in j["bad_pictures"]] == ["pictures/00003_comp0.png", "pictures/00005_comp0.png"]
assert "00003_comp2.png: no such file" in j["bad_pictures"][0]["problem"]
assert "00005_comp1.png" in j["bad_pictures"][1]["problem"]
assert j["labels"]["out_of_range"] == 2 and j["labels"]["named"] == ["pictures/00007_comp0.png", "pictures/00008_comp0.png"]
EOS
: >"$folder/empty.txt"
refuses "empty.txt: names no file" "${base[@]}" --list "$folder/empty.txt" --list "$folder/all/comp1.txt" --list "$folder/all/comp2.txt" --list "$folder/all/comp3.txt"
sed '4s/ [0-9]*$/ cat/' "$folder/all/labelled.txt" >"$folder/all/words.txt"
refuses "words.txt:4: got" "${base[@]}" --list "$folder/all/words.txt" --list "$folder/all/comp1.txt" --list "$folder/all/comp2.txt" --list "$folder/all/comp3.txt" --labels
head -5 "$folder/all/comp1.txt" >"$folder/all/short.txt"
refuses "short.txt: 5 entries, the first list has $count" "${base[@]}" --list "$folder/all/comp0.txt" --list "$folder/all/short.txt" --list "$folder/all/comp2.txt" --list "$folder/all/comp3.txt"
refuses "the network has 4 inputs, a folder is for one" "${base[@]}" --folder "$folder/all/pictures"
refuses "expected I/N" "${all[@]}" --shard 4/4 --state "$folder/x.eval"

# Constants solved on some pictures and judged on the others; calibrate and compensate take the records.
"${all[@]}" --compensate $((count / 6)) --state "$folder/compensated.eval" --json >"$folder/compensated.json" || fail "--compensate"
python3 - "$folder" "$count" <<'EOS' || fail "compensated: $(head -c 2000 "$folder/compensated.json")"
import json, sys
j = json.load(open(f"{sys.argv[1]}/compensated.json"))
count = int(sys.argv[2])
assert j["training"] == count // 6
for n in j["norms"][:4]:
    assert n["float"]["count"] == count - count // 6
    assert n["interval"][0] < n["new_constant"] < n["interval"][1] and n["removed"] > 0.8, n
EOS
"$tool" calibrate --cfg "$net/feature_norm.cfg" --ranges floating --evaluation "$folder/one.eval" -o "$folder/floating.json" >/dev/null || fail "calibrate --evaluation"
refuses "--evaluation needs --ranges floating" "$tool" calibrate --cfg "$net/feature_norm.cfg" --evaluation "$folder/one.eval" -o "$folder/x.json"
"$tool" compensate --cfg "$net/feature_norm.cfg" --calibration "$folder/ranges.json" --evaluation "$folder/one.eval" -o "$folder/new.prototxt" >"$folder/compensate.txt"
[ -s "$folder/new.prototxt" ] || fail "compensate --evaluation: $(cat "$folder/compensate.txt")"
"${all[@]}" --compensated "$folder/new.prototxt" --json >"$folder/new.json" || fail "--compensated"

# A search is judged by the pictures that an evaluation found worst.
search=("$tool" search --cfg "$net/feature_norm.cfg" --calibration "$folder/ranges.json" --goal 0.5 --evaluation "$folder/one.eval")
# shellcheck disable=SC2046
"${search[@]}" $(lists_of "$folder/all" | sed 's/ --labels//') --pictures 3 --json >"$folder/search.json" || fail "search --evaluation ended with $?"
python3 - "$folder" <<'EOS' || fail "search --evaluation: $(head -c 2000 "$folder/search.json")"
import json, sys
found, evaluated = (json.load(open(f"{sys.argv[1]}/{name}.json")) for name in ("search", "one"))
assert found["pictures"] == [p["picture"] for p in evaluated["worst_pictures"][:3]], found
EOS
# shellcheck disable=SC2046
"${search[@]}" $(lists_of "$folder/all" | sed 's/ --labels//') | grep -qF "the worst pictures of $folder/one.eval: " || fail "search --evaluation: no pictures are named"
refuses "other pictures than the 20 of the cfg's lists" "${search[@]}"
refuses "--list requires --evaluation" "$tool" search --cfg "$net/feature_norm.cfg" --list "$folder/all/comp0.txt"

# Memory does not grow with the number of pictures; AddressSanitizer keeps what is freed, so that nothing is seen there.
if grep -q __asan_init "$tool"; then
  echo "memory is not measured: the tool is built with AddressSanitizer"
elif [ -x /usr/bin/time ]; then
  python3 "$(dirname "$0")/feature_norm_pictures.py" "$net" 20 "$folder/few" || fail "no pictures"
  # shellcheck disable=SC2046
  few=$(/usr/bin/time -f %M "${base[@]}" $(lists_of "$folder/few") --top-k 1 2>&1 >/dev/null | tail -1)
  many=$(/usr/bin/time -f %M "${all[@]}" 2>&1 >/dev/null | tail -1)
  [ "$many" -le $((few * 105 / 100)) ] || fail "$many KB for $count pictures, $few KB for 20"
  echo "$few KB for 20 pictures, $many KB for $count"
fi
echo "$count pictures; $kills kills after$moments ms; the same bits"
