#!/usr/bin/env bash
# A report's page in a browser without a window: report_page.sh PAGE [ROWS]. Every check that fails is printed; 77:
# there is no browser. SCREENSHOT=file.png and PDF=file.pdf in the environment keep what it shows and prints.
set -uo pipefail
export LC_ALL=C.UTF-8
page=$(realpath "$1") || exit 1
rows=${2:-}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo "skipped: no chromium found"
  exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
problem() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
# browse FRAGMENT ACTION...
browse() {
  local fragment=$1
  shift
  timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
    --user-data-dir="$folder/profile" "$@" "file://$page$fragment" 2>"$folder/messages"
}
dom() { # FRAGMENT FILE
  browse "$1" --dump-dom >"$2" || problem "the browser failed with '$1': $(tail -n 3 "$folder/messages")"
  local html
  html=$(grep -m 1 -o '<html[^>]*>' "$2")
  [[ $html == *data-ready=\"1\"* ]] || problem "the script did not finish with '$1': $html"
  [[ $html != *data-error* ]] || problem "the script failed with '$1': $html"
}
layer_rows() { grep -o '<tr data-order="[0-9]*"' "$1" | grep -o '[0-9]*'; }
# The values of a column of the layer table, by its place from 0, as Number() would read them.
column() { # FILE PLACE
  sed 's/<tr /\n&/g' "$1" | grep '^<tr data-order=' | awk -v place="$2" '{
    n = split($0, cells, /<t[dh][ >]/)
    cell = cells[place + 2]
    if (match(cell, /^[^>]*data-v="[^"]*"/)) { sub(/.*data-v="/, "", cell); sub(/".*/, "", cell); print cell } else print "missing"
  }'
}
# Numbers for sort: NaN before all, missing after all.
comparable() { sed -e 's/^NaN$/-1e4000/' -e 's/^-Infinity$/-1e4000/' -e 's/^Infinity$/1e4000/'; }

dom "" "$folder/plain.html"
shown=$(layer_rows "$folder/plain.html" | wc -l)
[ "$shown" -eq "$(grep -c '<tr data-order=' "$page")" ] || problem "$shown rows of the layer table are shown, others are written"
[ -z "$rows" ] || [ "$shown" -eq "$rows" ] || problem "$shown rows in the layer table, expected $rows"
[ "$(layer_rows "$folder/plain.html")" = "$(seq 1 "$shown")" ] || problem "the layers are not in order of execution"

# The place of the cosine's column, from 0.
cosine=$(grep -o "data-key='[a-z0-9_]*'" "$page" | grep -n "'cosine'" | cut -d: -f1)
cosine=$((cosine - 1))
for direction in "" -; do
  dom "#sort=${direction}cosine" "$folder/sorted.html"
  [ "$(layer_rows "$folder/sorted.html" | sort -n)" = "$(seq 1 "$shown")" ] || problem "sorting lost rows"
  sort_options=-gs
  [ -z "$direction" ] || sort_options=-gsr
  column "$folder/sorted.html" $cosine >"$folder/values"
  [ "$(wc -l <"$folder/values")" -eq "$shown" ] || problem "$(wc -l <"$folder/values") cosines for $shown layers"
  grep -v missing "$folder/values" | comparable >"$folder/got"
  sort $sort_options "$folder/got" | cmp -s - "$folder/got" || problem "#sort=${direction}cosine gives $(tr '\n' ' ' <"$folder/got")"
  sed -n '/missing/,$p' "$folder/values" | grep -qv missing && problem "layers without a cosine are not last"
done
grep -q 'aria-sort="descending"' "$folder/sorted.html" || problem "the sorted column is not told"

# Of the histograms one is shown, which the fragment chooses.
histograms=$(grep -o '<option' "$page" | wc -l)
if [ "$histograms" -gt 1 ]; then
  dom "#sort=layer&histogram=1" "$folder/histogram.html"
  hidden=$(grep -o '<figure hidden' "$folder/histogram.html" | wc -l)
  [ "$hidden" -eq $((histograms - 1)) ] || problem "$hidden of $histograms histograms are hidden, expected all but one"
fi

# Drawings: every coordinate is a number; nothing comes from elsewhere.
grep -o '<svg' "$folder/plain.html" | wc -l | grep -qx "$(grep -o "<svg" "$page" | wc -l)" || problem "drawings are missing"
grep -oE ' (d|x|y|cx|cy|r|width|height|viewBox|transform)="[^"]*"' "$folder/plain.html" |
  grep -iE 'nan|inf|undefined|[0-9]e' && problem "coordinates that are no numbers"
grep -oE '(src|href|action|srcset|poster)="[^"]*"' "$folder/plain.html" | grep -v '="#' && problem "links to other files"
grep -oE 'https?:|url\(|@import' "$page" && problem "addresses of other files"

browse "" --window-size=1200,1600 --screenshot="${SCREENSHOT:-$folder/page.png}" >/dev/null
[ -s "${SCREENSHOT:-$folder/page.png}" ] || problem "no screenshot: $(tail -n 3 "$folder/messages")"
browse "" --no-pdf-header-footer --print-to-pdf="${PDF:-$folder/page.pdf}" >/dev/null
head -c 5 "${PDF:-$folder/page.pdf}" | grep -q '%PDF' || problem "the page cannot be printed: $(tail -n 3 "$folder/messages")"
[ $failures -eq 0 ] && echo "all checks of $page hold: $shown layers"
exit $((failures != 0))
