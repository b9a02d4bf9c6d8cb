#!/usr/bin/env bash
# A search that is killed again and again and goes on from its state file: search_kill.sh PROGRAM NETWORK-FOLDER.
# Its result is that of one in one piece, and no kill loses more than the one evaluation that it interrupts.
set -uo pipefail
tool=$(realpath "$1")
net=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TMPDIR=$folder tool
fail() {
  echo "FAILED: $*"
  exit 1
}

# A line in a log for each evaluation that begins, and time to be killed in.
cat >"$folder/score.sh" <<'EOS'
echo begun >>"$LOG"
sleep 0.03
"$tool" compare --json "$1/reference/classifier.npy" "$1/quantized/classifier.npy" | sed -n 's/.*"cosine": *\([^,]*\),.*/\1/p'
EOS
search=("$tool" search --cfg "$net/feature_norm.cfg" --goal 0.9999 --score-command "sh '$folder/score.sh' \"\$1\"" --json)
result() { sed '/"evaluations":/d; /"date":/d; /"command_line":/d' "$1"; }
state_lines() { # evaluations in the state file
  local lines
  lines=$(wc -l 2>/dev/null <"$folder/state.txt") || lines=0
  echo $((lines > 2 ? lines - 2 : 0))
}

export LOG=$folder/whole.log
"${search[@]}" --state "$folder/whole.txt" >"$folder/whole.json" || fail "the search in one piece ended with $?"
whole=$(wc -l <"$LOG")

export LOG=$folder/killed.log
touch "$LOG"
kills=0
moments=
for _ in 1 2 3 4 5 6 7 8; do
  "${search[@]}" --state "$folder/state.txt" >"$folder/out.json" 2>"$folder/err.txt" &
  pid=$!
  moment=$((RANDOM % 500 + 10))
  moments+=" $moment"
  sleep "$(printf '0.%03d' $moment)"
  kill -KILL $pid 2>/dev/null
  wait $pid 2>/dev/null
  code=$?
  [ $code -eq 137 ] || [ $code -eq 0 ] || fail "killed after$moments ms: ended with $code: $(cat "$folder/err.txt")"
  [ $code -eq 137 ] && kills=$((kills + 1))
  begun=$(wc -l <"$LOG")
  kept=$(state_lines)
  [ "$begun" -le $((kept + kills)) ] || fail "killed after$moments ms: $begun evaluations begun, $kept kept, $kills kills"
done
[ $kills -gt 0 ] || fail "never killed: the search is too fast for this test"
"${search[@]}" --state "$folder/state.txt" >"$folder/resumed.json" || fail "killed after$moments ms: resumed, ended with $?"
begun=$(wc -l <"$LOG")
[ "$begun" -le $((whole + kills)) ] || fail "killed after$moments ms: $begun evaluations begun, in one piece $whole, $kills kills"
[ "$(state_lines)" -eq "$whole" ] || fail "killed after$moments ms: $(state_lines) evaluations kept, in one piece $whole"
cmp -s "$folder/whole.txt" "$folder/state.txt" || fail "killed after$moments ms: the state files differ"
diff <(result "$folder/whole.json") <(result "$folder/resumed.json") || fail "killed after$moments ms: the results differ"

# Interrupted it ends by itself, with what it has found so far.
export LOG=$folder/interrupted.log
touch "$LOG"
"${search[@]}" --state "$folder/interrupted.txt" >"$folder/interrupted.json" &
pid=$!
until [ "$(wc -l <"$LOG")" -ge 3 ]; do sleep 0.01; done
kill -INT $pid
wait $pid
code=$?
[ $code -le 1 ] || fail "interrupted: ended with $code"
grep -q '"finished": false' "$folder/interrupted.json" || fail "interrupted: $(cat "$folder/interrupted.json")"
[ "$(wc -l <"$LOG")" -lt "$whole" ] || fail "interrupted, but all was evaluated"
echo "$whole evaluations in one piece, $begun with $kills kills, after$moments ms; the same result"
