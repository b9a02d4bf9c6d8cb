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
  dom "#search=stage1&sort=${direction}cosine" "$folder/sorted.html"
  [ "$(layer_rows "$folder/sorted.html" | sort -n)" = "$(seq 1 "$shown")" ] || problem "sorting lost rows"
  sort_options=-gs
  [ -z "$direction" ] || sort_options=-gsr
  column "$folder/sorted.html" $cosine >"$folder/values"
  [ "$(wc -l <"$folder/values")" -eq "$shown" ] || problem "$(wc -l <"$folder/values") cosines for $shown layers"
  grep -v missing "$folder/values" | comparable >"$folder/got"
  sort $sort_options "$folder/got" | cmp -s - "$folder/got" || problem "#sort=${direction}cosine gives $(tr '\n' ' ' <"$folder/got")"
  sed -n '/missing/,$p' "$folder/values" | grep -qv missing && problem "layers without a cosine are not last"
done
# What is searched for is shown, the rest hidden; the drawing shows which layers that are.
found=$(sed 's/<tr /\n&/g' "$page" | grep '^<tr data-order=' | grep -c "data-v='[^']*stage1")
hidden=$(grep -o '<tr data-order="[0-9]*"[^>]*hidden' "$folder/sorted.html" | wc -l)
[ "$hidden" -eq $((shown - found)) ] || problem "$hidden rows are hidden, expected all but $found of $shown"
grep -q "$found of $shown layers" "$folder/sorted.html" || problem "how many rows were found is not told"
[ "$(grep -o 'class="node[^"]* dim"' "$folder/sorted.html" | wc -l)" -eq "$hidden" ] || problem "the drawing does not show what was found"
grep -q 'aria-sort="descending"' "$folder/sorted.html" || problem "the sorted column is not told"

# Of the histograms one is shown, which the fragment chooses.
histograms=$(grep -o '<option' "$page" | wc -l)
if [ "$histograms" -gt 1 ]; then
  dom "#histogram-1" "$folder/histogram.html"
  hidden=$(grep -o '<figure[^>]* hidden' "$folder/histogram.html" | wc -l)
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
# On paper: light, whatever the screen is, and no page without a word (an empty one has less than 200 bytes).
pdf=${PDF:-$folder/page.pdf}
browse "" --no-pdf-header-footer --blink-settings=preferredColorScheme=0 --print-to-pdf="$pdf" >/dev/null
head -c 5 "$pdf" | grep -q '%PDF' || problem "the page cannot be printed: $(tail -n 3 "$folder/messages")"
sheets=0
for contents in $(grep -ao '^/Contents [0-9]*' "$pdf" | cut -d' ' -f2); do
  sheets=$((sheets + 1))
  bytes=$(grep -a -A 2 "^$contents 0 obj" "$pdf" | grep -ao '/Length [0-9]*' | head -n 1 | cut -d' ' -f2)
  [ "${bytes:-0}" -gt 600 ] || problem "sheet $sheets is empty: ${bytes:-no} bytes"
done
[ "$sheets" -gt 0 ] || problem "no sheets of paper"

# Three widths, one after the other in frames, in either colour scheme.
here=$(dirname "$(realpath "$0")")
{ cat "$page" && echo '<script>' && cat "$here/report_page.js" && echo '</script>'; } >"$folder/measured.html"
{
  echo '<!DOCTYPE html><html data-ready="1"><body><pre id="r"></pre><script>
    addEventListener("message", function (e) { document.getElementById("r").textContent += JSON.stringify(e.data) + "\n"; });
    </script>'
  for width in 400 800 1400; do echo "<iframe src='measured.html' width='$width' height='800'></iframe>"; done
} >"$folder/frames.html"
page=$folder/frames.html
for scheme in 0 1; do  # dark, light
  dark=$([ $scheme -eq 0 ] && echo true || echo false)
  browse "" --window-size=1500,900 --virtual-time-budget=10000 --blink-settings=preferredColorScheme=$scheme --dump-dom |
    grep -o '{"width[^<]*' >"$folder/measures"
  for width in 400 800 1400; do
    grep -q "^{\"width\":$width,\"dark\":$dark,\"texts\":[1-9][0-9]*,\"problems\":\[\]}" "$folder/measures" ||
      problem "at $width pixels, dark $dark: $(grep "\"width\":$width" "$folder/measures" || cat "$folder/messages")"
  done
done
page=$(realpath "$1")
[ $failures -eq 0 ] && echo "all checks of $page hold: $shown layers"
exit $((failures != 0))
