#!/usr/bin/env bash
# The command-line tool from outside: nnie_debug.sh PROGRAM NETWORK-FOLDER JSON-CHECK. Every line that fails is printed.
set -uo pipefail
tool=$(realpath "$1")
net=$(realpath "$2")
json_check=$(realpath "$3")
schema=$(realpath "$(dirname "$0")/../../examples/nnie_debug/schema.json")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
problem() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
# expect CODE TEXT command...: the exit code, and TEXT in what it prints.
expect() {
  local code=$1 text=$2
  shift 2
  local out
  out=$("$@" 2>&1)
  local got=$?
  [ $got -eq "$code" ] || problem "$* ended with $got, expected $code: $out"
  grep -qF -- "$text" <<<"$out" || problem "$* did not print '$text', but: $out"
}
is_json() { # command...: what it prints is what the schema says, whatever the answer is
  "$@" >"$folder/out.json"
  [ $? -le 1 ] || problem "$* failed"
  "$json_check" "$schema" "$folder/out.json" >"$folder/json_problems" || problem "$* printed: $(head -n 5 "$folder/json_problems")"
}
cfg=$net/feature_norm.cfg
model=(--prototxt "$net/feature_norm.prototxt" --caffemodel "$net/feature_norm.caffemodel")
pictures=()
for i in 0 1 2 3; do pictures+=(--picture "$net/pictures/03_comp$i.png"); done

nothing_set=
expect 0 "Examples:" "$tool" run --help
expect 0 "results" "$tool" --version
for command in "" run compare diagnose; do
  expect 2 "the standard output could not be written" sh -c '"$0" $1 --help >/dev/full' "$tool" "$command"
done
expect 2 "the standard output could not be written" sh -c '"$0" --version >/dev/full' "$tool"
expect 2 "A subcommand is required" "$tool"
expect 2 "no network given" "$tool" run
expect 2 "1 required" "$tool" run --mode
expect 2 "which of the two is meant" "$tool" run --cfg "$cfg" --prototxt "$cfg"
expect 2 "excludes" "$tool" run --cfg "$cfg" --norm-type 3
expect 2 "no input given" "$tool" run "${model[@]}"
expect 2 "times --picture, expected one for each of the network's 4 inputs" "$tool" run "${model[@]}" --picture "$net/pictures/03_comp0.png"
expect 0 "every layer reaches cosine 0.99" "$tool" run --cfg "$cfg" --isolated
expect 0 "comp0.cnorm.inverse" "$tool" run "${model[@]}" "${pictures[@]}" --mode 1
expect 1 "classifier" "$tool" run --cfg "$cfg" --fail-below 1
expect 0 "classifier" "$tool" run --cfg "$cfg" --fail-below 0.9
is_json "$tool" run --cfg "$cfg" --isolated --json
is_json "$tool" calibrate --cfg "$cfg" --gfpq-param "$folder/gfpq_of_json.json" --json

is_json "$tool" evaluate --cfg "$cfg" --state "$folder/all.eval" --json
is_json "$tool" merge "$folder/all.eval" --json

# A wrong word is named with the nearest right one.
expect 2 "nnie-debug: no command 'dignose'; nearest: 'diagnose'" "$tool" dignose
expect 2 "nnie-debug: no command 'xyzzyx'; the commands are diagnose, run, compare" "$tool" xyzzyx
expect 2 "nnie-debug: run: no option '--moed'; nearest: '--mode'" "$tool" run --moed 3
expect 2 "nnie-debug: run: no option '--isolatd'; nearest: '--isolated'" "$tool" run --cfg "$cfg" --isolatd
expect 2 "nnie-debug: run: no option '--fail-bellow'; nearest: '--fail-below'" "$tool" run --cfg "$cfg" --fail-bellow=0.9
expect 2 "nnie-debug: compare: one argument too many: 'c'" "$tool" compare "$net" "$net" c

# Help has groups and fits 80 columns, or COLUMNS. The manual and the completions have every command and option.
commands=$("$tool" --help | sed -n '/^Commands:/,$p' | sed -n 's/^  \([a-z]*\)  .*/\1/p')
[ "$(wc -w <<<"$commands")" -ge 10 ] || problem "help has no list of commands: $commands"
"$tool" --man >"$folder/man" || problem "--man"
for shell in bash zsh fish; do "$tool" --completion $shell >"$folder/completion.$shell" || problem "--completion $shell"; done
for command in $commands; do
  for columns in 80 50; do
    env COLUMNS=$columns "$tool" $command --help | sed '/^Examples*:/,$d' >"$folder/help"
    awk -v most=$columns 'length($0) > most && !/^Usage:/ && !/^  -[^ ]* [^ ]*$/' "$folder/help" >"$folder/long"
    [ ! -s "$folder/long" ] || problem "lines of $command --help are longer than $columns: $(head -n 1 "$folder/long")"
  done
  options=$(grep -o '^  [^ ].*' "$folder/help" | grep -oE -- '--[a-z0-9-]+' | sort -u)
  [ -n "$options" ] || problem "$command --help has no options"
  sed 's/\\//g' "$folder/man" | awk -v command="$command" '/^\.S/ { inside = $0 == ".SS " command } inside' >"$folder/man_of_command"
  for option in $options; do
    grep -qF "fB${option}f" "$folder/man_of_command" || problem "the manual has no $option of $command"
    grep -q "^    $command) words='.*$option[ ']" "$folder/completion.bash" || problem "bash does not complete $option of $command"
    grep -q "seen_subcommand_from $command'.* -l ${option#--} " "$folder/completion.fish" || problem "fish does not complete $option of $command"
    sed -n "/^    $command) _arguments/,/;;/p" "$folder/completion.zsh" | grep -F "'$option[" >/dev/null || problem "zsh does not complete $option of $command"
  done
done
expect 0 "Pictures:" "$tool" run --help
command -v groff >/dev/null && { groff -man -ww -Tutf8 "$folder/man" 2>&1 >/dev/null | grep . && problem "groff complains of the manual"; }
completed() { # what bash offers for the last of the words
  bash -c '. "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); _nnie_debug; echo "${COMPREPLY[*]}"' bash "$folder/completion.bash" "$@"
}
[ "$(completed nnie-debug diag)" = diagnose ] || problem "bash completes diag to '$(completed nnie-debug diag)'"
[ "$(completed nnie-debug run --isol)" = --isolated ] || problem "bash completes --isol to '$(completed nnie-debug run --isol)'"
[ "$(completed nnie-debug run --mode "")" = "0 1 2" ] || problem "bash completes --mode to '$(completed nnie-debug run --mode "")'"
[ -z "$(completed nnie-debug run --cfg "")" ] || problem "bash completes a file's name by itself"
for shell in zsh fish; do
  command -v $shell >/dev/null && { $shell -n "$folder/completion.$shell" || problem "$shell does not read its completion"; }
done

# Colours on a terminal or where they are asked for; lines there fit its width, those of a pipe are whole.
escape=$(printf '\033')
on_terminal() { # COLUMNS command...
  local columns=$1
  shift
  script -qec "stty cols $columns; env TERM=xterm $(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r'
}
expect 2 "not in {auto,always,never}" "$tool" run --cfg "$cfg" --color sometimes
"$tool" diagnose --cfg "$cfg" >"$folder/plain"
grep -q "$escape" "$folder/plain" && problem "a file gets colours"
expect 1 "$escape[1;31mnorm error" "$tool" diagnose --cfg "$cfg" --color always
if command -v script >/dev/null; then
  on_terminal 70 "$tool" diagnose --cfg "$cfg" --layers >"$folder/terminal"
  grep -q "$escape" "$folder/terminal" || problem "a terminal gets no colours"
  on_terminal 70 env NO_COLOR=1 "$tool" diagnose --cfg "$cfg" --layers >"$folder/terminal"
  sed "s/.*$escape\[K//" "$folder/terminal" >"$folder/plain"
  grep -q "$escape" "$folder/plain" && problem "NO_COLOR is not respected"
  LC_ALL=C.UTF-8 awk 'length($0) > 70 && /[^ ] +[^ ]/ && !/power_param|report:/' "$folder/plain" >"$folder/long"
  [ ! -s "$folder/long" ] || problem "lines are wider than the terminal: $(head -n 2 "$folder/long")"
  grep -q "left out, for want of width" "$folder/plain" || problem "columns that are left out are not told"
  on_terminal 60 env NO_COLOR=1 "$tool" run --cfg "$cfg" >"$folder/terminal"
  sed "s/.*$escape\[K//" "$folder/terminal" | awk 'length($0) > 60 && /comp0/ && !/[/]/' >"$folder/long"
  [ ! -s "$folder/long" ] || problem "rows are wider than the terminal: $(head -n 2 "$folder/long")"
fi

# Ranges once found give the same bits later, with any number of threads.
expect 0 "22 blobs calibrated for compile_mode 0: largest magnitudes of the network in w8a8 over 20 picture(s)" "$tool" calibrate --cfg "$cfg" -o "$folder/ranges.json"
"$tool" run --cfg "$cfg" --csv "$folder/a.csv" >/dev/null || problem "run --csv"
"$tool" run --cfg "$cfg" --csv "$folder/b.csv" --calibration "$folder/ranges.json" --threads 3 >/dev/null || problem "run --calibration"
cmp -s "$folder/a.csv" "$folder/b.csv" || problem "stored ranges or threads changed the table"
echo '{"format": "nniesim calibration 1", "pictures": 1, "layers": {}}' >"$folder/empty.json"
expect 2 "no range for the blob of layer 'comp0', expected ranges of this network" "$tool" run --cfg "$cfg" --calibration "$folder/empty.json"
# Ranges of another mode or rule, or of an earlier version, are said to be that.
expect 0 "in w16a16 over 20 picture(s)" "$tool" calibrate --cfg "$cfg" --mode 1 -o "$folder/ranges16.json"
expect 0 "ranges of the network in w16a16, this run is w8a8" "$tool" run --cfg "$cfg" --calibration "$folder/ranges16.json"
expect 0 "largest magnitudes of the float network over 20" "$tool" calibrate --cfg "$cfg" --ranges floating -o "$folder/floating.json"
expect 1 "ranges of the float network; compiled models agree better" "$tool" diagnose --cfg "$cfg" --calibration "$folder/floating.json"
expect 0 '"precision": "w8a8"' "$tool" run --cfg "$cfg" --json
expect 0 '"rule": "floating"' "$tool" run --cfg "$cfg" --json --calibration "$folder/floating.json"
expect 2 "--ranges" "$tool" calibrate --cfg "$cfg" --ranges given -o "$folder/none.json"
"$tool" run --cfg "$cfg" --mode 1 --csv "$folder/own16.csv" >/dev/null || problem "run --mode 1"
"$tool" run --cfg "$cfg" --mode 1 --csv "$folder/kept16.csv" --calibration "$folder/ranges16.json" >/dev/null || problem "run --mode 1 --calibration"
cmp -s "$folder/own16.csv" "$folder/kept16.csv" || problem "ranges of the mode that runs are others than calibrate --mode finds"
{
  echo '{"format": "nniesim calibration 1", "pictures": 3, "layers": {'
  for c in 0 1 2 3; do
    for l in conv1 conv2 conv3 conv4 cfc; do echo "\"comp$c.$l\": [{\"gfpq8\": 20, \"gfpq16\": 160}],"; done
  done
  echo '"jfc": [{"gfpq8": 20, "gfpq16": 160}], "classifier": [{"gfpq8": 20, "gfpq16": 160}]}}'
} >"$folder/earlier.json"
expect 0 "ranges of an earlier version, of layers' inputs" "$tool" run --cfg "$cfg" --calibration "$folder/earlier.json"
echo "no ranges" >"$folder/neither.json"
expect 2 "neither.json: got neither ranges" "$tool" run --cfg "$cfg" --calibration "$folder/neither.json"

# What is not known of the arithmetic can be chosen, and is said wherever it is not the default.
expect 0 '"accumulator": "fp32_chain"' "$tool" run --cfg "$cfg" --json
expect 0 "accumulator fp64_chain, the default is fp32_chain" "$tool" run --cfg "$cfg" --accumulator fp64_chain --mode 1
expect 0 '"accumulator": "units40"' "$tool" run --cfg "$cfg" --accumulator units40 --json
expect 1 "accumulator units40" "$tool" diagnose --cfg "$cfg" --accumulator units40 --html "$folder/units.html"
grep -q "accumulator units40" "$folder/units.html" || problem "the report does not name the accumulator"
expect 0 "finished sums are rounded: truncate" "$tool" run --cfg "$cfg" --sum-rounding truncate
expect 1 '"functions": "exact"' "$tool" diagnose --cfg "$cfg" --functions exact --json
expect 2 "--accumulator" "$tool" run --cfg "$cfg" --accumulator int32
expect 2 "--goal searches with the accumulator fp32_chain" "$tool" diagnose --cfg "$cfg" --accumulator fp64_chain --goal 0.99
"$tool" run --cfg "$cfg" --csv "$folder/units.csv" --accumulator units40 >/dev/null || problem "run --accumulator"
cmp -s "$folder/a.csv" "$folder/units.csv" && problem "--accumulator units40 changes nothing"

# Layers may be called anything: in GBK, with an escape sequence, a formula, longer than a file's name.
odd="=$(printf '\326\320')\\\\033[2J\\\\n\\\\\"$(printf 'n%.0s' {1..300})"
LC_ALL=C sed "s/name: \"concat\"/name: \"$odd\"/" "$net/feature_norm.prototxt" >"$folder/odd.prototxt"
LC_ALL=C sed "s|\] feature_norm|] $net/feature_norm|; s|\] comp|] $net/comp|; s|\] .*prototxt|] $folder/odd.prototxt|" "$cfg" >"$folder/odd.cfg"
expect 0 "=\\xd6\\xd0\\x1b[2J\\x0a\"nnn" "$tool" run --cfg "$folder/odd.cfg" --csv "$folder/odd.csv" --npy "$folder/odd" --dumps "$folder/odd"
grep -qF "\"'=" "$folder/odd.csv" || problem "a formula stands in $folder/odd.csv"
expect 1 "=\\xd6" "$tool" compare "$folder/odd/float" "$folder/odd/mapper_quant" --fail-below 1
expect 0 "=\\xd6" "$tool" compare "$folder/odd/quantized" "$folder/odd/mapper_quant" --fail-below 1
expect 0 "22 blobs calibrated" "$tool" calibrate --cfg "$folder/odd.cfg" -o "$folder/odd.json"
"$tool" run --cfg "$folder/odd.cfg" --csv "$folder/odd2.csv" --calibration "$folder/odd.json" >/dev/null || problem "run --calibration of odd names"
cmp -s "$folder/odd.csv" "$folder/odd2.csv" || problem "stored ranges of odd names changed the table"
for command in run info diagnose; do
  "$tool" $command --cfg "$folder/odd.cfg" --json >"$folder/odd_out.json"
  iconv -f UTF-8 -t UTF-8 "$folder/odd_out.json" >/dev/null || problem "$command --json is no UTF-8"
done

# Dumps, as .npy and as the compiler writes them, are the same values.
"$tool" run --cfg "$cfg" --npy "$folder/npy" --dumps "$folder/dumps" >/dev/null || problem "run --npy --dumps"
expect 0 "jfc" "$tool" compare "$folder/npy/quantized" "$folder/dumps/mapper_quant" --fail-below 1
expect 0 "jfc" "$tool" compare "$folder/npy/float" "$folder/dumps/caffe" --fail-below 1
expect 1 "jfc" "$tool" compare "$folder/dumps/caffe" "$folder/dumps/mapper_quant" --fail-below 1
is_json "$tool" compare "$folder/dumps/caffe" "$folder/dumps/mapper_quant" --json
# Beside them the codes that layers read: two digits for each value in 8 bits, four in 16.
codes=$folder/dumps/mapper_quant/comp0.conv1_input0_1_24_24_quant.nonlinear.hex
[ "$(grep -cE '^[0-9a-f]{2}$' "$codes")" = 576 ] || problem "$codes has not 576 codes of 8 bits"
[ "$(find "$folder/dumps/mapper_quant" -name '*_quant.nonlinear.hex' | wc -l)" = 22 ] || problem "not every layer's codes are dumped"
"$tool" run --cfg "$cfg" --mode 1 --dumps "$folder/dumps16" >/dev/null || problem "run --mode 1 --dumps"
codes=$folder/dumps16/mapper_quant/comp0.conv1_input0_1_24_24_quant.nonlinear.hex
[ "$(grep -cE '^[0-9a-f]{4}$' "$codes")" = 576 ] || problem "$codes has not 576 codes of 16 bits"
rm "$folder/npy/quantized/jfc.npy"
expect 1 "no partner" "$tool" compare "$folder/npy/quantized" "$folder/dumps/mapper_quant" --fail-below 0.9
mkdir "$folder/nothing"
expect 2 "no dumps" "$tool" compare "$folder/nothing" "$folder/dumps/caffe"
# How many were compared is said first; a layer of both that cannot be compared is never passed over.
mkdir "$folder/sizes" "$folder/sizes/a" "$folder/sizes/b"
printf '00001000\n00002000\n' | tee "$folder/sizes/a/one_output0_2_1_1_quant.linear.hex" "$folder/sizes/a/two_output0_2_1_1_quant.linear.hex" >"$folder/sizes/b/one_output0_2_1_1_quant.linear.hex"
expect 0 "1 of 2 layers were compared" "$tool" compare "$folder/sizes/a" "$folder/sizes/b"
printf '00001000\n' >"$folder/sizes/b/two_output0_1_1_1_quant.linear.hex"
expect 1 "1 of 2 layers were compared" "$tool" compare "$folder/sizes/a" "$folder/sizes/b"
expect 1 '"compared": 1' "$tool" compare "$folder/sizes/a" "$folder/sizes/b" --json
# Two files may have any name.
printf 'prob 4 1 1 1 2\n0.500000 -1.250000 ' >"$folder/fseg0(0,5)_prob.txt"
printf '00000800\nffffec00\n' >"$folder/board"
expect 0 "1 of 1 layer was compared" "$tool" compare "$folder/fseg0(0,5)_prob.txt" "$folder/board" --fail-below 1
expect 2 "got neither .npy nor lines of numbers" "$tool" compare "$cfg" "$folder/board"
# Files of two runs in one folder are no run.
cp "$folder/sizes/b/two_output0_1_1_1_quant.linear.hex" "$folder/sizes/a"
expect 2 "in another size" "$tool" diagnose --reference "$folder/sizes/b" --other "$folder/sizes/a"

# Every key of a cfg is simulated, or is named in every verdict and report; files that it names exist.
sed "s|\] feature_norm|] $net/feature_norm|; s|\] comp|] $net/comp|" "$cfg" >"$folder/options.cfg"
echo '[sparse_rate] 0.5' >>"$folder/options.cfg"
for command in run info; do
  expect 0 "[sparse_rate] 0.5: that share of the weights of each InnerProduct" "$tool" $command --cfg "$folder/options.cfg"
  expect 0 "[sparse_rate] 0.5" "$tool" $command --cfg "$folder/options.cfg" --json
done
"$tool" diagnose --cfg "$folder/options.cfg" --html "$folder/options.html" --markdown "$folder/options.md" >"$folder/options.txt"
"$tool" diagnose --cfg "$folder/options.cfg" --json >"$folder/options_out.json"
for file in html md txt; do
  grep -qF "sparse_rate" "$folder/options.$file" || problem "options.$file does not say that weights are set to zero"
done
grep -qF "not simulated" "$folder/options_out.json" && problem "sparse_rate is said not to be simulated"
sed '$d' "$folder/options.cfg" >"$folder/gfpq.cfg"
echo '[gfpq_param_file] gfpq.json' >>"$folder/gfpq.cfg"
expect 2 "[gfpq_param_file]" "$tool" diagnose --cfg "$folder/gfpq.cfg"
echo '{"nnie": {"gfpq_param_dict": {"comp0.conv1": [3.5]}}}' >"$folder/gfpq.json"
expect 0 "the ranges of 1 blob(s) are taken from the cfg's [gfpq_param_file]" "$tool" run --cfg "$folder/gfpq.cfg"
cp "$folder/ranges.json" "$folder/gfpq.json"
"$tool" run --cfg "$folder/gfpq.cfg" --csv "$folder/gfpq.csv" >/dev/null || problem "run with ranges as gfpq_param_file"
cmp -s "$folder/a.csv" "$folder/gfpq.csv" || problem "ranges as gfpq_param_file changed the table"
expect 0 "blobs calibrated" "$tool" calibrate --cfg "$cfg" --gfpq-param "$folder/gfpq.json"
expect 0 "are taken from the cfg's [gfpq_param_file]" "$tool" run --cfg "$folder/gfpq.cfg" --csv "$folder/gfpq.csv"
cmp -s "$folder/a.csv" "$folder/gfpq.csv" || problem "the written gfpq_param_file changed the table"
expect 2 "expected --output, --gfpq-param, or both" "$tool" calibrate --cfg "$cfg"
# A cfg may leave the network to the options, but not name another one.
grep -v '_file\] .*feature_norm' "$folder/options.cfg" >"$folder/bare.cfg"
expect 0 "multiply-accumulates" "$tool" info --cfg "$folder/bare.cfg" "${model[@]}"
expect 2 "[prototxt_file] is missing, expected it, or --prototxt" "$tool" info --cfg "$folder/bare.cfg"
sed '$d' "$folder/gfpq.cfg" >"$folder/roi.cfg"
echo '[roi_coordinate_file] nowhere.txt' >>"$folder/roi.cfg"
expect 2 "nowhere.txt: no such file" "$tool" info --cfg "$folder/roi.cfg"

expect 0 "gfpq8, z = " "$tool" quantize "$folder/npy/float/jfc.npy" --values "$folder/v.npy" --codes "$folder/c.npy"
expect 0 "z = -1200 (given)" "$tool" quantize "$folder/npy/float/jfc.npy" --bits 16 --z -1200
expect 2 "z is 99999" "$tool" quantize "$folder/npy/float/jfc.npy" --z 99999
expect 0 "cosine 0.99" "$tool" compare "$folder/npy/float/jfc.npy" "$folder/v.npy"
is_json "$tool" quantize "$folder/v.npy" --json

expect 0 "419136 multiply-accumulates" "$tool" info --cfg "$cfg"
is_json "$tool" info "${model[@]}" --json
expect 0 "stored under compile_mode 0: as codes where a layer reads codes" "$tool" info --cfg "$cfg"
expect 0 '"as": "gfpq16"' "$tool" info --cfg "$cfg" --mode 1 --json
expect 0 "z of codes" "$tool" info --cfg "$cfg" --calibration "$folder/ranges.json"

# The marks that the search writes do what it says they do; what it measured once it reads again.
search=("$tool" search --cfg "$cfg" --goal 0.9999 --state "$folder/search.txt")
expect 0 "is reached" "${search[@]}" --output "$folder/hp"
expect 0 "and the score is the one that was found" "${search[@]}" --output "$folder/hp"
expect 0 '"marks_verified": true' "${search[@]}" --output "$folder/hp" --json
expect 0 '"evaluations": 0' "${search[@]}" --json
is_json "${search[@]}" --json --output "$folder/hp"
sed "s|feature_norm.prototxt|$folder/hp.prototxt|; s|feature_norm.caffemodel|$folder/hp.caffemodel|; s|\] comp|] $net/comp|" "$cfg" >"$folder/hp.cfg"
expect 0 "classifier_hp" "$tool" run --cfg "$folder/hp.cfg" --mode 2
expect 1 "compensated" "$tool" compensate --cfg "$cfg" --least-gain 1 -o "$folder/compensated.prototxt"
is_json "$tool" compensate --cfg "$cfg" --json -o "$folder/compensated.prototxt"
expect 1 "not reached within the budget" "$tool" search --cfg "$cfg" --goal 0.9999 --budget 1.001
expect 0 "is reached" "$tool" search --cfg "$cfg" --goal 0.9998 --state "$folder/search.txt"
expect 2 "another problem's" "$tool" search --cfg "$cfg" --target norm-error --state "$folder/search.txt"
expect 2 "no layer 'nosuch'" "$tool" search --cfg "$cfg" --target norm-error --layer nosuch

# A score of the user's own: by cosines it finds the plan that the built-in target finds, which judges ten values by their
# relative error.
score() { echo "'$tool' compare --json \"\$1/reference/classifier.npy\" \"\$1/quantized/classifier.npy\" | sed -n 's/.*\"$1\": *\([^,]*\),.*/\1/p'"; }
own=("$tool" search --cfg "$cfg" --goal 0.9999)
best() { sed -n '/"best"/,/}/p' | grep -v '"score"'; }
"${own[@]}" --json | best >"$folder/built_in.txt"
"${own[@]}" --json --score-command "$(score cosine)" --state "$folder/own.txt" | best >"$folder/own_score.txt"
[ -s "$folder/own_score.txt" ] || problem "search --score-command has no best plan"
cmp -s "$folder/built_in.txt" "$folder/own_score.txt" || problem "the score by command found another plan: $(cat "$folder/own_score.txt")"
expect 2 "another problem's" "${own[@]}" --score-command "$(score snr_db)" --state "$folder/own.txt"
expect 0 "is reached" "$tool" search --cfg "$cfg" --goal 36 --pictures 2 --score-command "echo words; $(score snr_db); echo"
expect 2 "needs a --goal" "$tool" search --cfg "$cfg" --score-command 'ls $1; echo 1'
expect 2 "excludes" "${own[@]}" --score-command 'ls $1; echo 1' --target norm-error
expect 2 "exited with 3, expected 0; it wrote 'half" "${own[@]}" --score-command 'echo half; exit 3; ls $1'
expect 2 "was ended by signal 9" "${own[@]}" --score-command 'kill -9 $$; ls $1'
expect 2 'expected "$1"' "${own[@]}" --score-command "echo 1"
expect 2 "requires" "${own[@]}" --time-limit 3
expect 2 "took longer than 0.2 s" "${own[@]}" --score-command 'sleep 100; ls $1' --time-limit 0.2
for text in "" good nan inf "1 2" "1,5" 0x10; do
  expect 2 "last line is '$text', expected one finite number: ls" "${own[@]}" --score-command "ls \$1 >/dev/null; echo '$text'"
done

# A bundle computes in another place what it has stored: bit for bit, or it says what differs.
mkdir "$folder/vendor"
expect 0 "in 18 files" "$tool" bundle --cfg "$cfg" --layer comp0.conv2 --compiler-version "mapper 1.2" -o "$folder/conv.tar"
expect 0 "in 18 files" "$tool" bundle --cfg "$cfg" --layer comp0.cnorm.root -o "$folder/power.tar"
expect 0 "in 19 files" "$tool" bundle "${model[@]}" "${pictures[@]}" --layer jfc --other "$folder/dumps/mapper_quant/jfc_output0_32_1_1_quant.linear.hex" -o "$folder/other.tar"
is_json "$tool" bundle --cfg "$cfg" --layer jfc --json -o "$folder/json.tar"
expect 0 '"seed": ' "$tool" bundle --cfg "$cfg" --layer comp1.conv3 --random-weights --json -o "$folder/random.tar"
for name in conv power other random; do
  tar -xf "$folder/$name.tar" -C "$folder/vendor" || problem "tar -xf $name.tar"
  expect 0 "equal bits" env NNIE_DEBUG="$tool" "$folder/vendor/$name/replay.sh"
done
expect 0 "other/jfc.npy, against the layer by itself" env NNIE_DEBUG="$tool" "$folder/vendor/other/replay.sh"
grep -qF "mapper 1.2" "$folder/vendor/conv/versions.txt" || problem "the compiler's version is not in versions.txt"
cmp -s "$folder/vendor/conv/original/19_comp2.png" "$net/pictures/19_comp2.png" || problem "the picture is not in the bundle"
cmp -s "$folder/vendor/conv/original/feature_norm.cfg" "$cfg" || problem "the cfg is not in the bundle"
cp "$folder/vendor/conv/float/comp0.conv2.npy" "$folder/vendor/conv/quantized/comp0.conv2.npy"
expect 1 "DIFFERENT BITS" env NNIE_DEBUG="$tool" "$folder/vendor/conv/replay.sh"
expect 2 "no layer 'nosuch'" "$tool" bundle --cfg "$cfg" --layer nosuch -o "$folder/none.tar"
expect 2 "expected NAME.tar" "$tool" bundle --cfg "$cfg" --layer jfc -o "$folder/none"
expect 2 "random weights do not keep the failure" "$tool" bundle --cfg "$cfg" --layer jfc --random-weights -o "$folder/none.tar"
[ ! -e "$folder/none.tar" ] || problem "a bundle was written that cannot be"

# The diagnosis: of the network alone, of dumps against it, of two folders; with a report; exit code 0 for no fault alone.
expect 1 "a Power / ReduceMean chain truncates" "$tool" diagnose --cfg "$cfg"
expect 1 "report: $folder/report.html" "$tool" diagnose --cfg "$cfg" --html "$folder/report.html" --goal 0.9999
grep -q "comp0.cnorm" "$folder/report.html" || problem "the report does not name comp0.cnorm"
expect 1 "report: $folder/report.md" "$tool" diagnose --cfg "$cfg" --markdown "$folder/report.md"
"$tool" run --cfg "$cfg" --npy "$folder/npy2" --dumps "$folder/judged" >/dev/null || problem "run --dumps"
expect 1 "comp0.cnorm" "$tool" diagnose --cfg "$cfg" --other "$folder/judged/mapper_quant"
expect 1 "norm error" "$tool" diagnose --reference "$folder/judged/caffe" --other "$folder/judged/mapper_quant"
expect 0 "no fault" "$tool" diagnose --reference "$folder/judged/caffe" --other "$folder/judged/caffe" --data-layer comp0
expect 0 '"cause": "no fault"' "$tool" diagnose --reference "$folder/judged/caffe" --other "$folder/judged/caffe" --json
expect 1 '"cause": "norm error"' "$tool" diagnose --cfg "$cfg" --json
is_json "$tool" diagnose --cfg "$cfg" --goal 0.9999 --json
is_json "$tool" diagnose --reference "$folder/judged/caffe" --other "$folder/judged/mapper_quant" --json
grep -q "<dt>Date</dt><dd>20" "$folder/report.html" || problem "the report has no date"
grep -q "<code>nnie-debug diagnose --cfg .*feature_norm.cfg --html " "$folder/report.html" || problem "the report does not say what was typed"
grep -q "class='node e[0-9][^']*' data-row='1'" "$folder/report.html" || problem "the report does not draw the network"
expect 1 '"rounding_share": ' "$tool" diagnose --cfg "$cfg" --json
expect 1 '"cosine_weights_only": 0.9' "$tool" diagnose --cfg "$cfg" --json
expect 1 "by itself   weights  activat." "$tool" diagnose --cfg "$cfg" --layers
grep -q "Norms before and after compensation" "$folder/report.html" || problem "the report has no distributions of norms"
grep -q "#histogram-60" "$folder/report.html" || problem "the report has not every layer's histogram"
# A mark that the other run does not show.
"$tool" run --cfg "$folder/hp.cfg" --mode 2 --dumps "$folder/marked" >/dev/null || problem "run --mode 2 --dumps"
expect 1 "norm error" "$tool" diagnose --cfg "$folder/hp.cfg" --mode 2 --other "$folder/marked/mapper_quant"
expect 1 "'classifier_hp' is" "$tool" diagnose --cfg "$folder/hp.cfg" --mode 2 --other "$folder/judged/mapper_quant"
expect 1 "top_k of 'classifier' decides" "$tool" diagnose --cfg "$cfg" --top-k 1 --output-layer classifier
expect 1 "the board decided '9'" "$tool" diagnose --cfg "$cfg" --top-k 1 --board-decision 9
expect 1 "decides 'yes'" "$tool" diagnose --cfg "$cfg" --post 'test -s "$1/0.npy" && echo yes'
expect 2 "expected --cfg" "$tool" diagnose
cp "$folder/npy2/float/jfc.npy" "$folder/judged_feature.npy"
expect 1 "softmax of 'classifier' decides" "$tool" diagnose --cfg "$cfg" --softmax 0.5 --output-layer classifier
expect 1 "'same' on the reference and 'same'" "$tool" diagnose --cfg "$cfg" --feature "$folder/judged_feature.npy" --distance 0.5 --normalized --output-layer jfc
expect 2 "requires" "$tool" diagnose --cfg "$cfg" --feature "$folder/judged_feature.npy"
expect 2 "took longer than 0.2 s" "$tool" diagnose --cfg "$cfg" --post 'sleep 100; echo $1' --time-limit 0.2
expect 2 "need a post-processing" "$tool" diagnose --cfg "$cfg" --board-decision 3
expect 2 "--goal needs a network" "$tool" diagnose --reference "$folder/judged/caffe" --other "$folder/judged/caffe" --goal 0.9
expect 1 "power_param { shift: 1.0" "$tool" diagnose --cfg "$cfg"
expect 2 "no dumps" "$tool" diagnose --cfg "$cfg" --other "$folder/nothing"
expect 2 "expected the dumps of one run" "$tool" diagnose --cfg "$cfg" --other "$folder/judged"
expect 2 "is not in [" "$tool" diagnose --cfg "$cfg" --layer-cosine nan
expect 2 "need a network" "$tool" diagnose --reference "$folder/judged/caffe" --other "$folder/judged/caffe" --mode 1
# The board's decision is a set, in what the post-processing of dumps reads.
dumps=("$tool" diagnose --cfg "$cfg" --other "$folder/judged/mapper_quant" --output-layer classifier)
expect 1 "the board decided '1 7 9'" "${dumps[@]}" --top-k 3 --board-decision "9,7, 1"
expect 2 "the index 10 of an output of 10 values" "${dumps[@]}" --top-k 1 --board-decision 10
expect 2 "2 different indices, expected the 3" "${dumps[@]}" --top-k 3 --board-decision "1 2"
# The compiler's names have no axis of the batch.
expect 1 "decides '8'" "$tool" diagnose --reference "$folder/judged/caffe" --other "$folder/judged/mapper_quant" --output-layer classifier --top-k 1
expect 2 "expected indices" "${dumps[@]}" --top-k 3 --board-decision "7;29"
# Nothing above the threshold is a decision, too.
expect 1 "the board decided ''" "${dumps[@]}" --threshold 0 --board-decision ""
expect 2 "is empty" "${dumps[@]}" --post "$nothing_set"
# A compensated network is judged by the network that it stands for: its norms are right.
expect 0 "new constant(s)" "$tool" compensate --cfg "$cfg" -o "$folder/compensated.prototxt"
sed "s|\] feature_norm|] $net/feature_norm|; s|\] comp|] $net/comp|; s|\] .*prototxt|] $folder/compensated.prototxt|" "$cfg" >"$folder/compensated.cfg"
expect 1 "on average over the pictures the norms are right" "$tool" diagnose --cfg "$folder/compensated.cfg" --float-prototxt "$net/feature_norm.prototxt"
# What is read is never written over, and where nothing can be written is said before the work.
cp "$cfg" "$folder/own.cfg"
expect 2 "it is read" "$tool" compensate --cfg "$folder/compensated.cfg" -o "$folder/compensated.prototxt"
expect 2 "is no folder" "$tool" diagnose --cfg "$cfg" --html "$folder/nowhere/report.html"
expect 2 "is no folder" "$tool" search --cfg "$cfg" --goal 0.9999 --output "$folder/nowhere/hp"
# No common name is no equality.
mkdir "$folder/others"
cp "$folder/npy2/float/jfc.npy" "$folder/others/nobody.npy"
expect 1 "nothing could be compared" "$tool" compare "$folder/others" "$folder/judged/mapper_quant"
expect 2 "no layer 'nosuch'" "$tool" diagnose --reference "$folder/judged/caffe" --other "$folder/judged/caffe" --data-layer nosuch

# A compiled model, alone and against its network; damaged; of another network.
golden=$(realpath "$(dirname "$0")/../golden/wk")
small=(--prototxt "$golden/small.prototxt" --caffemodel "$golden/small.caffemodel")
expect 0 "26 compiled layers, 23 weight blocks, 0 of them not readable" "$tool" wk "$golden/small_8.wk"
expect 0 "23 of 23 weight blocks equal in every code, 49 of 49 outputs" "$tool" wk "$golden/small_8.wk" "${small[@]}"
expect 0 "BatchNorm was merged into the weights before" "$tool" wk "$golden/small_merged_8.wk" "${small[@]}"
expect 0 "7 of 7 layers in 16 bits" "$tool" wk "$golden/small_16.wk" "${small[@]}"
expect 0 "'conv3' reads its input with z = -55, stored with z = -56" "$tool" wk "$golden/small_8.wk" "${small[@]}"
{ printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 16, 16)}" && head -c 3072 /dev/zero | tr '\0' D; } >"$folder/large.npy"
expect 0 "blob 'data' reaches 785.067 (float): beyond z = 0 of 8 bits, which needs z = 26" "$tool" wk "$golden/small_8.wk" "${small[@]}" --picture "$folder/large.npy"
is_json "$tool" wk "$golden/small_16.wk" --json
expect 0 '"format_version": "1.1.1.2"' "$tool" wk "$golden/small_16.wk" --json
expect 0 "ranges: given scales ($golden/small_8.wk)" "$tool" run "${small[@]}" --picture "$folder/large.npy" --mode 0 --calibration "$golden/small_8.wk"
# By its content, whatever it is called; all that takes ranges takes it.
cp "$golden/small_8.wk" "$folder/compiled.json"
on_picture=("${small[@]}" --picture "$folder/large.npy" --calibration "$folder/compiled.json")
expect 0 '"rule": "given"' "$tool" run "${on_picture[@]}" --json
expect 1 "given scales" "$tool" diagnose "${on_picture[@]}"
expect 1 "given scales" "$tool" search "${on_picture[@]}" --goal 0.9999999
expect 0 "its cosine is" "$tool" bundle "${on_picture[@]}" --layer conv2 -o "$folder/compiled.tar"
expect 0 "given scales" "$tool" info "${small[@]}" --calibration "$folder/compiled.json"
expect 0 '-56' "$tool" info "${small[@]}" --calibration "$folder/compiled.json"
expect 2 "has no compiled layer in $folder/compiled.json that fits it" "$tool" run --cfg "$cfg" --calibration "$folder/compiled.json"
# BatchNorm in the multipliers, merged before compiling, or a layer of its own; which is better is always in the JSON.
expect 0 "4 BatchNorm and Scale layers in the multipliers of the layer before" "$tool" run "${small[@]}" --picture "$folder/large.npy"
expect 0 "4 BatchNorm and Scale layers merged into the weights" "$tool" run "${small[@]}" --picture "$folder/large.npy" --merge-batch-norm
expect 0 "are layers of their own" "$tool" run "${small[@]}" --picture "$folder/large.npy" --own-batch-norm
expect 0 '"cosine_merged": ' "$tool" run "${small[@]}" --picture "$folder/large.npy" --json
expect 0 '"kept_rule": "own layers"' "$tool" run "${small[@]}" --picture "$folder/large.npy" --own-batch-norm --json
expect 0 '"merge_batch_norm": null' "$tool" run --cfg "$cfg" --json
expect 2 "excludes" "$tool" info "${small[@]}" --own-batch-norm --merge-batch-norm
expect 2 "layer 'conv1' multiplies in 8 bits there and in 16 here" "$tool" run "${small[@]}" --picture "$folder/large.npy" --mode 1 --calibration "$golden/small_8.wk"
is_json "$tool" wk "$golden/small_8.wk" "${small[@]}" --picture "$folder/large.npy" --json
expect 2 "layer 'comp0.conv1' (Convolution, 1x8x12x12) has no compiled layer in" "$tool" wk "$golden/small_8.wk" "${model[@]}"
expect 2 "expected a compiled model (.wk)" "$tool" wk "$net/feature_norm.caffemodel"
expect 2 "--threads needs a network" "$tool" wk "$golden/small_8.wk" --threads 2
expect 2 "--norm-type is for --picture" "$tool" wk "$golden/small_8.wk" "${small[@]}" --norm-type 3
{ head -c 700 "$golden/small_8.wk" && printf x && tail -c +702 "$golden/small_8.wk"; } >"$folder/damaged.wk"
expect 1 "check sum WRONG" "$tool" wk "$folder/damaged.wk"
head -c 9000 "$golden/small_8.wk" >"$folder/short.wk"
expect 2 "short.wk: byte " "$tool" wk "$folder/short.wk"

# Networks that are not known as a whole, or have no weights yet.
expect 0 "no caffemodel: shapes, rules and costs alone" "$tool" info --prototxt "$net/feature_norm.prototxt"
expect 0 "419136 multiply-accumulates" "$tool" info --prototxt "$net/feature_norm.prototxt"
expect 2 "no network given" "$tool" run --prototxt "$net/feature_norm.prototxt"
expect 2 "expected --caffemodel" "$tool" info --prototxt "$net/feature_norm.prototxt" --calibration "$folder/ranges.json"
sed 's/"ReLU"/"Relu6"/' "$net/feature_norm.prototxt" >"$folder/unknown.prototxt"
expect 2 "type 'Relu6', which is not supported, the first at $folder/unknown.prototxt:" "$tool" info --prototxt "$folder/unknown.prototxt"
expect 0 "type 'Relu6' is not supported" "$tool" info --prototxt "$folder/unknown.prototxt" --until-unsupported
sed 's/"ReLU"/"ReLU6"/' "$net/feature_norm.prototxt" >"$folder/relu6.prototxt"
expect 0 "the compiler wants the network cut here: it does not know layer 'comp0.relu1'" "$tool" info --prototxt "$folder/relu6.prototxt"
expect 0 "the usual rewrite for the accelerator: ReLU, Power" "$tool" info --prototxt "$folder/relu6.prototxt"
expect 0 '"runs_on": "host"' "$tool" info --prototxt "$folder/relu6.prototxt" --json
expect 0 "0 multiply-accumulates" "$tool" info --prototxt "$net/feature_norm.prototxt" --stop-at comp0
expect 2 "got no layer 'comp' to stop at, expected one; nearest: 'comp0'" "$tool" info --prototxt "$net/feature_norm.prototxt" --stop-at comp
expect 0 "comp0.cnorm" "$tool" run --cfg "$cfg" --stop-at comp3.cnorm.inverse
expect 2 "expected a Custom layer" "$tool" run --cfg "$cfg" --custom "classifier=$folder/x.npy"

# What is wrong is said with its place.
sed 's/\[norm_type\] 0/[norm_typ] 0/' "$cfg" >"$folder/bad.cfg"
expect 2 "norm_typ" "$tool" run --cfg "$folder/bad.cfg"
sed 's/\[norm_type\] 0/[norm_type] 9/; s/\[compile_mode\] ./[compile_mode] 7/' "$cfg" >"$folder/bad2.cfg"
expect 2 "bad2.cfg:4: [compile_mode] is '7'" "$tool" run --cfg "$folder/bad2.cfg"
expect 2 "[norm_type] is '9'" "$tool" run --cfg "$folder/bad2.cfg"
sed 's/num_output: 512/num_output: 511/; s/"ReLU"/"Relu6"/' "$net/feature_norm.prototxt" >"$folder/bad.prototxt"
expect 2 "Relu6" "$tool" info --prototxt "$folder/bad.prototxt" --caffemodel "$net/feature_norm.caffemodel"
head -c 1000 "$net/feature_norm.caffemodel" >"$folder/short.caffemodel"
expect 2 "short.caffemodel" "$tool" info --prototxt "$net/feature_norm.prototxt" --caffemodel "$folder/short.caffemodel"

[ $failures -eq 0 ] && echo "all as expected"
exit $((failures > 0))
