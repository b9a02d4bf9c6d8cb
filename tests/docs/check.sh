#!/usr/bin/env bash
# check.sh WHAT: compares the documents with the code that they are about. WHAT is one of the functions below. Prints
# every difference; the exit code is 1 if there is one. Needs bash, awk and the usual tools, nothing else.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# grep whose finding nothing is no failure.
find_all() { grep "$@" || [ $? -eq 1 ]; }
documents() { find . -maxdepth 1 -name '*.md'; find examples/guide bench -name '*.md'; }

# Every block of C++ in the documents is a run of lines of one program that is built: under examples/ or
# tests/consumers/. Blank lines and indentation do not count. (README's own example is built from README itself.)
snippets() {
  find examples tests/consumers -name '*.cpp' -o -name '*.hpp' | while read -r program; do
    sed 's/^[ \t]*//; /^$/d' "$program" >"$work/$(tr / % <<<"$program")"
  done
  documents | find_all -v '^\./README' | while read -r document; do
    awk -v folder="$work" -v document="$document" '
      function fail(line) { print document ":" line ": this C++ is in no program of examples/ or tests/consumers/"; }
      function is_in(program,   i, k) {  # a run of its lines
        for (i = 1; i + lines - 1 <= length_of[program]; ++i) {
          for (k = 1; k <= lines && text[program, i + k - 1] == block[k]; ++k);
          if (k > lines) return 1;
        }
        return 0;
      }
      BEGIN {
        command = "ls " folder;
        while ((command | getline name) > 0) {
          programs[++count] = name;
          while ((getline line < (folder "/" name)) > 0) text[name, ++length_of[name]] = line;
          close(folder "/" name);
        }
      }
      /^```cpp$/ { inside = 1; lines = 0; first = NR; next }
      inside && /^```$/ {
        inside = 0; found = lines == 0 ? 0 : 0;
        for (p = 1; p <= count && !found; ++p) found = is_in(programs[p]);
        if (!found) fail(first);
        next
      }
      inside { sub(/^[ \t]+/, ""); if ($0 != "") block[++lines] = $0 }' "$document"
  done
}

# The anchors of a document's headings, as GitHub makes them.
anchors() {
  awk '/^```/ { fence = !fence } !fence && /^#+ / {
    sub(/^#+ /, ""); $0 = tolower($0); gsub(/[`*.,:;!?()"'"'"'\/&+]/, ""); gsub(/ /, "-"); print }' "$1"
}

# Links and paths in the documents lead to something, and options of nnie-debug are options of nnie-debug.
links() {
  documents | while read -r document; do
    folder=$(dirname "$document")
    awk '/^```/ { fence = !fence } !fence' "$document" | find_all -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' >"$work/links"
    while read -r link; do
      case $link in http://* | https://*) continue ;; esac
      file=${link%%#*} anchor=
      case $link in *#*) anchor=${link#*#} ;; esac
      target=$document
      [ -z "$file" ] || target=$folder/$file
      [ -e "$target" ] || { echo "$document: no file for the link $link"; continue; }
      [ -z "$anchor" ] || anchors "$target" | grep -qxF -e "$anchor" || echo "$document: no heading for the link $link"
    done <"$work/links"
    [ "$document" != ./CHANGELOG.md ] || continue  # it tells of files that are gone
    find_all -oE '`[A-Za-z0-9_./-]+/[A-Za-z0-9_.-]+\.(hpp|inl|cpp|sh|md|py|txt)`' "$document" | tr -d '`' | sort -u | find_all -v NAME |
      while read -r path; do
        [ -e "$path" ] || [ -e "include/nniesim/$path" ] || [ -e "include/$path" ] || [ -e "$folder/$path" ] ||
          echo "$document: no file for the path $path"
      done
  done
  cat examples/nnie_debug/*.cpp examples/nnie_debug/*.hpp >"$work/tool"
  documents | grep -E 'README|guide' | while read -r document; do
    { find_all -E '^ *(\$ )?nnie-debug ' "$document"; find_all -oE '`--[^`]*`' "$document"; } |
      find_all -oE -- ' --[a-z-]+|`--[a-z-]+' | sed 's/^[ `]*//' | sort -u | while read -r option; do
        grep -qE -- "\"([^\"]*,)?$option[\",]" "$work/tool" || grep -q -- "\"$option" "$work/tool" ||
          [ "$option" = --help ] || echo "$document: nnie-debug has no option $option"
      done
    find_all -oE '^ *nnie-debug [a-z]+' "$document" | awk '{ print $2 }' | sort -u | while read -r command; do
      grep -q "add_subcommand(\"$command\"" "$work/tool" || echo "$document: nnie-debug has no command $command"
    done
  done
}

# CITATION.cff names the version that the library has.
citation() {
  local header=include/nniesim/core/version.hpp version
  version=$(sed -n 's/.*NNIESIM_VERSION_[A-Z]* //p' $header | paste -s -d .)
  grep -qx "version: $version" CITATION.cff || echo "CITATION.cff: its version is not $version, that of $header"
  date=$(sed -n "s/^## $version - //p" CHANGELOG.md)
  grep -qx "date-released: $date" CITATION.cff || echo "CITATION.cff: its date is not '$date', that of CHANGELOG.md"
}

# One page for each verdict, with its words, and every rule on some page; a page knows no rule and no kind of sentence
# that there is not.
diagnoses() {
  local pages=examples/guide/diagnoses rules=include/nniesim/debug/rules/all.hpp
  awk '/^enum class fault / { inside = 1; next } inside && /^};/ { exit } inside { sub(/,.*/, ""); print $1 }' \
    include/nniesim/debug/diagnosis.hpp >"$work/verdicts"
  [ "$(wc -l <"$work/verdicts")" -ge 18 ] || echo "diagnosis.hpp: the enum fault was not found"
  for readme in "README.md:one of COUNT verdicts" "README.zh-CN.md:COUNT 种结论"; do
    words=$(sed "s/.*://; s/COUNT/$(wc -l <"$work/verdicts")/" <<<"$readme")
    grep -qF "$words" "${readme%%:*}" || echo "${readme%%:*}: does not say '$words'"
  done
  while read -r verdict; do
    page=$pages/$verdict.md
    [ -e "$page" ] || { echo "no page $page for the verdict $verdict"; continue; }
    words=$(sed -n "s/.*case fault::$verdict: return \"\(.*\)\";/\1/p" include/nniesim/debug/diagnosis.hpp | head -n 1)
    [ "$(head -n 1 "$page")" = "# $words" ] || echo "$page: its title is not '$words'"
    grep -qF "\`fault::$verdict\`" "$page" || echo "$page: does not name fault::$verdict"
    for part in "What it means" "What the verdict says" Evidence "What to do" Example; do
      grep -qx "## $part" "$page" || echo "$page: no section '$part'"
    done
    grep -qF "[$words]($verdict.md)" $pages/README.md || echo "$pages/README.md: no row for '$words'"
  done <"$work/verdicts"
  for page in "$pages"/*.md; do
    name=$(basename "$page" .md)
    [ "$name" = README ] || grep -qx "$name" "$work/verdicts" || echo "$page: no such verdict"
  done
  sed -n 's/^ *\(rule\|supplement\){"\([^"]*\)".*/\2/p' $rules >"$work/rules"
  [ "$(wc -l <"$work/rules")" -ge 24 ] || echo "$rules: the rules were not found"
  awk 'BEGIN { RS = "" } { gsub(/\n/, " "); print }' $pages/*.md >"$work/paragraphs"  # each on a line
  while read -r rule; do
    grep -qF "\"$rule\"" "$work/paragraphs" || echo "no page under $pages names the rule \"$rule\""
  done <"$work/rules"
  grep '^Verdict' "$work/paragraphs" | sed 's/.*Rules//' | grep -oE '"[^"]+"' | tr -d '"' | sort -u | while read -r rule; do
    grep -qxF "$rule" "$work/rules" || echo "$pages: there is no rule \"$rule\""
  done
  grep -hoE '^\| `[a-z_0-9]+`' $pages/*.md | tr -d '|` ' | sort -u | while read -r kind; do
    grep -qF "\"$kind\"" include/nniesim/debug/finding_words.hpp || echo "$pages: there is no kind of sentence $kind"
  done
}

# What a translation has in common with its original: levels of headings, code without comments, targets of links.
skeleton() {
  awk '
    /^```/ { fence = !fence; print; next }
    fence { print; next }
    /^#+ / { print "heading " $1; next }
    /^    / { sub(/ +# .*/, ""); print; next }
    { while (match($0, /\]\([^)]+\)/)) {
        target = substr($0, RSTART + 2, RLENGTH - 3);
        if (target !~ /^README/) print "link " target;
        $0 = substr($0, RSTART + RLENGTH);
      } }' "$1"
}
translation() {
  skeleton README.md >"$work/original"
  skeleton README.zh-CN.md >"$work/translated"
  diff "$work/original" "$work/translated" || echo "README.zh-CN.md is not README.md, translated"
}

# #include only along the arrows of ARCHITECTURE.md, all of which are used, and other libraries only where it says so.
architecture() {
  awk '/^```rooms$/ { inside = 1; next } inside && /^```$/ { exit } inside' ARCHITECTURE.md >"$work/rooms"
  awk '/^```libraries$/ { inside = 1; next } inside && /^```$/ { exit } inside' ARCHITECTURE.md >"$work/libraries"
  [ -s "$work/rooms" ] && [ -s "$work/libraries" ] || echo "ARCHITECTURE.md: no block 'rooms' or 'libraries'"
  find include/nniesim -name '*.hpp' -o -name '*.inl' | sort | xargs awk -v rooms="$work/rooms" -v libraries="$work/libraries" '
    function room_of(path,   part) { return split(path, part, "/") == 1 ? path : part[1] }
    BEGIN {
      while ((getline line < rooms) > 0) {
        n = split(line, word, /[: ]+/);
        for (i = 2; i <= n; ++i) if (word[i] != "") {
          if (!(word[i] in known)) print "ARCHITECTURE.md: " word[1] " -> " word[i] " points to a room that is not above it";
          arrow[word[1], word[i]] = 1;
        }
        known[word[1]] = 1;
      }
      while ((getline line < libraries) > 0) {
        n = split(line, word, /[: ]+/);
        for (i = 2; i <= n; ++i) if (word[i] != "") library[word[1], word[i]] = 1;
      }
    }
    FNR == 1 {
      room = room_of(substr(FILENAME, length("include/nniesim/") + 1));
      seen[room] = 1;
      if (!(room in known)) { print FILENAME ": room " room " is not in ARCHITECTURE.md"; known[room] = 1 }
    }
    /^ *# *include <nniesim\// {
      match($0, /<[^>]*>/);
      to = room_of(substr($0, RSTART + 9, RLENGTH - 10));
      if (to == room) next;
      used[room, to] = 1;
      if (!((room, to) in arrow)) print FILENAME ":" FNR ": " room " must not include " to ": " $0;
      next
    }
    /^ *# *include "/ { print FILENAME ":" FNR ": not <nniesim/...>: " $0; next }
    /^ *# *include </ {
      match($0, /<[^>]*>/);
      header = substr($0, RSTART + 1, RLENGTH - 2);
      if (header !~ /[\/.]/) next;  # the standard library
      root = header; sub(/\/.*/, "", root);
      if (!((room, root) in library)) print FILENAME ":" FNR ": " room " must not use " root ": " $0;
    }
    END {
      for (r in known) if (!(r in seen)) print "ARCHITECTURE.md: there is no room " r;
      for (a in arrow) if (!(a in used)) { split(a, part, SUBSEP); print "ARCHITECTURE.md: " part[1] " does not include " part[2] }
    }'
}

# No header of more than 500 lines without a reason in its first lines; no function of more than 60, kernels apart.
# long_code.txt has what is longer today, which may get less, not more.
sizes() {
  find include/nniesim -name '*.hpp' -o -name '*.inl' | sort | while read -r header; do
    [ "$(wc -l <"$header")" -le 500 ] || head -n 12 "$header" | grep -qi 'over 500 lines because' || echo "$header lines"
  done >"$work/long"
  find include/nniesim -name '*.hpp' | grep -v '/kernels/' | sort | xargs awk '
    # A statement begins behind the end of another one. Where it ends in "{" and looks like the head of a function, its
    # lines are counted up to the "}" that stands as far to the right as its beginning.
    FNR == 1 { depth = 0; is_fresh = 1; is_raw = 0 }
    is_raw { if ($0 ~ /^\)[a-z]*"/) { is_raw = 0; is_fresh = 1 } next }  # a raw string
    /R"[a-z]*\($/ || /R"[a-z]*\([^)]*$/ { is_raw = 1; next }
    /^ *(\/\/|#|$)/ || /^ *(public|private|protected):/ { next }
    {
      indent = match($0, /[^ ]/) - 1;
      if ($0 ~ /^ *}/) while (depth > 0 && at[depth] >= indent) {
        if (at[depth] == indent && is_function[depth] && FNR - start[depth] + 1 > 60) ++long[FILENAME];
        --depth;
      }
      if (is_fresh) { begin = FNR; left = indent; statement = $0 } else statement = statement $0;
      code = $0; sub(/ *\/\/.*$/, "", code);
      if (code ~ /{$/) {
        ++depth; at[depth] = left; start[depth] = begin;
        is_function[depth] = statement ~ /\)/ && statement !~ / = \[|[ )>](struct|class) [A-Za-z_<>, ]*( : [^()]*)?{$/ &&
          statement !~ /^ *(if|for|while|switch|else|do|try|namespace|class|struct|enum|union|extern|}|return) ?/;
      }
      is_fresh = code ~ /[;{}]$/;
    }
    END { for (f in long) print f, "functions", long[f] }' | sort >>"$work/long"
  awk 'FNR == NR { if ($0 !~ /^#/ && NF) known[$1, $2] = $3 == "" ? 1 : $3; next }
    { count = $3 == "" ? 1 : $3; if (count > known[$1, $2] + 0)
        print $1 ": " ($2 == "lines" ? "more than 500 lines, and no \"over 500 lines because ...\" at its top" : \
          count " functions of more than 60 lines, " known[$1, $2] + 0 " are known") }' tests/docs/long_code.txt "$work/long"
}

case "${1:-}" in
  snippets | links | citation | diagnoses | translation | architecture | sizes) ;;
  *) echo "usage: check.sh snippets|links|citation|diagnoses|translation|architecture|sizes" >&2; exit 2 ;;
esac
"$1" >"$work/differences"
[ ! -s "$work/differences" ] || { cat "$work/differences"; exit 1; }
echo "$1: no difference"
