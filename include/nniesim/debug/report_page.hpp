// The style sheet and the script of a report's page; both work without any other file.
#pragma once

#include <string_view>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

inline constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --page: #ffffff; --text: #111111; --soft: #525252; --line: #bbbbbb; --head: #eeeeee; --code: #f4f4f4;
  --link: #005f95; --bad: #fbe3d4; --accent: #0072b2; --alarm: #d55e00; --fine: #007a59;
  --plot-black: #000000; --plot-blue: #0072b2; --plot-vermillion: #c04e00; --plot-green: #007a59; --plot-grey: #595959; --plot-grid: #cccccc;
  --e0: #e6f2fa; --e1: #fff3c4; --e2: #fdd28a; --e3: #f7a35f; --e4: #ec7f5a; --frame: #6b6b6b; --node-text: #111111; }
@media screen and (prefers-color-scheme: dark) {
  :root { --page: #14181c; --text: #e8eaed; --soft: #b3bac2; --line: #4d555e; --head: #262c33; --code: #1e242a;
    --link: #7cc4f5; --bad: #4a2716; --accent: #56b4e9; --alarm: #ff9a5c; --fine: #3fc79a;
    --plot-black: #f2f2f2; --plot-blue: #6fc0f2; --plot-vermillion: #ff9a5c; --plot-green: #3fc79a; --plot-grey: #a3abb3; --plot-grid: #3a4149;
    --e0: #16364a; --e1: #423d10; --e2: #5c3f0a; --e3: #783510; --e4: #962119; --frame: #97a0a9; --node-text: #f7f7f7; }
}
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: var(--text); background: var(--page);
  max-width: 1240px; margin: 0 auto; padding: 1rem 1.5rem 3rem; }
h1 { font-size: 1.6rem; margin: .2rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: .2rem 0; } h4 { margin: .8rem 0 .1rem; }
p, ul { margin: .3rem 0; } ul { padding-left: 1.4rem; } a { color: var(--link); }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
.skip { position: absolute; left: -999rem; } .skip:focus { position: static; }
nav a { margin-right: 1rem; display: inline-block; }
dl.about { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
.finding { border: 1px solid var(--line); border-left: 6px solid var(--accent); padding: .6rem 1rem; margin: .7rem 0; overflow-wrap: anywhere; }
.finding.verdict { border-left-color: var(--alarm); } .finding.fine { border-left-color: var(--fine); }
.finding .summary { font-size: 1.1rem; }
pre { background: var(--code); border: 1px solid var(--line); padding: .5rem .8rem; overflow-x: auto; font-size: .9rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.scroll { overflow: auto; max-height: 80vh; border: 1px solid var(--line); }
table { border-collapse: collapse; font-size: .78rem; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; padding: .3rem .5rem; color: var(--soft); }
th, td { padding: .2rem .4rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { background: var(--head); vertical-align: bottom; font-weight: 600; } thead th { white-space: normal; position: sticky; top: 0; z-index: 1; }
.text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 5.5rem; } tbody th, .wide { min-width: 10.5rem; }
tbody th { background: var(--page); font-weight: 400; vertical-align: inherit; position: sticky; left: 0; box-shadow: inset 0 -1px var(--line); } .mark { text-align: left; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit; text-decoration: underline dotted; }
th[aria-sort=ascending] button::after { content: " \25b2"; } th[aria-sort=descending] button::after { content: " \25bc"; }
tr.bad, tr.bad th { background: var(--bad); } tr.bad th, tr.bad .mark { font-weight: 700; } tr.here { outline: 2px solid var(--alarm); outline-offset: -2px; }
tr:target { outline: 3px solid var(--accent); outline-offset: -3px; }
figure { margin: .8rem 0; } figcaption { color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.plot { overflow-x: auto; } .plot svg { display: block; width: 100%; height: auto; }
.graph svg { display: block; margin: 0 auto; font: 11.5px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.levels { display: flex; flex-wrap: wrap; gap: .4rem; padding: 0; list-style: none; }
.levels .node { border: 1px solid var(--frame); border-radius: 4px; padding: 0 .6rem; color: var(--node-text); }
.e0 { fill: var(--e0); background: var(--e0); } .e1 { fill: var(--e1); background: var(--e1); } .e2 { fill: var(--e2); background: var(--e2); }
.e3 { fill: var(--e3); background: var(--e3); } .e4 { fill: var(--e4); background: var(--e4); }
.unknown { fill: var(--page); background: var(--page); } .levels .unknown { color: var(--text); border-style: dashed; }
.node rect { stroke: var(--frame); } .node.unknown rect { stroke-dasharray: 4 3; } .node.bad rect { stroke: var(--alarm); stroke-width: 3; }
.node text { fill: var(--node-text); text-anchor: middle; } .node .name { font-weight: 600; } .node.dim { opacity: .25; }
a.node:hover rect, a.node:focus-visible rect { stroke: var(--accent); stroke-width: 3; } .edge { fill: none; stroke: var(--plot-grey); stroke-width: 1.2; }
.small { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 0 1rem; } .small figure { min-width: 0; }
select, input { font: inherit; max-width: 100%; } .choose label { margin-right: 1rem; } [hidden] { display: none !important; }
@media (max-width: 600px) {
  body { padding: .6rem .7rem 2rem; } dl.about { grid-template-columns: 1fr; } dd { margin-bottom: .3rem; }
  .finding { padding: .5rem .6rem; } tbody th, .wide { min-width: 9.5rem; max-width: 12rem; }
}
@page { margin: 12mm; }
@page wide { size: landscape; margin: 12mm; }
@media print {
  html { font-size: 9pt; }
  body { font-size: 1rem; max-width: none; padding: 0; }
  nav, .choose, .skip { display: none; }
  #layers { page: wide; }
  .scroll { max-height: none; overflow: visible; border: 0; } .plot { overflow: visible; } .plot svg { min-width: 0 !important; }
  .graph svg { max-width: 100%; max-height: 17cm; width: auto; height: auto; break-inside: avoid; }
  .node, tr.bad, th, pre { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  pre { background: none; }
  table { font-size: 7pt; }
  th, td { padding: 1pt 3pt; }
  thead th, tbody th { position: static; }
  th button { display: contents; }
  h2, h3, h4 { break-after: avoid; }
  tr, figure, li { break-inside: avoid; }
  .small { grid-template-columns: 1fr 1fr; }
}
)css";

/// Without scripts headings do not sort.
inline constexpr std::string_view style_without_script = "th button { all: unset; }";

inline constexpr std::string_view script = R"js(
'use strict';
window.onerror = function (message) { document.documentElement.setAttribute('data-error', message); };
(function () {
  var body = document.querySelector('#layers tbody');
  var rows = Array.from(body.rows);
  var buttons = document.querySelectorAll('#layers button');
  var choice = document.getElementById('layer-choice');
  var figures = document.querySelectorAll('#histograms figure');
  var search = document.getElementById('layer-search'), bad = document.getElementById('layer-bad'), found = document.getElementById('layer-found');
  var nodes = document.querySelectorAll('#graph [data-row]');
  document.querySelectorAll('.choose').forEach(function (p) { p.hidden = false; });
  // Missing values come last in either order; NaN is less than all numbers.
  function sortBy(button, falling) {
    var column = button.parentNode.cellIndex, numeric = button.dataset.kind === 'number';
    function value(row) {
      var text = row.cells[column].dataset.v;
      if (text === undefined || !numeric) return text;
      var number = Number(text);
      return number === number ? number : -Infinity;
    }
    var keyed = rows.map(function (row) { return { row: row, value: value(row), order: +row.dataset.order }; });
    keyed.sort(function (a, b) {
      if (a.value === b.value) return a.order - b.order;
      if (a.value === undefined) return 1;
      if (b.value === undefined) return -1;
      return (a.value < b.value ? -1 : 1) * (falling ? -1 : 1);
    });
    keyed.forEach(function (r) { body.appendChild(r.row); });
    buttons.forEach(function (b) { b.parentNode.setAttribute('aria-sort', 'none'); });
    button.parentNode.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
  }
  buttons.forEach(function (b) {
    b.addEventListener('click', function () { sortBy(b, b.parentNode.getAttribute('aria-sort') === 'ascending'); });
  });
  function words(row) {
    return Array.from(row.querySelectorAll('.text')).map(function (c) { return c.textContent; }).join('\n').toLowerCase();
  }
  function filter() {
    var text = search.value.toLowerCase(), shown = 0, hits = {};
    rows.forEach(function (row) {
      var hit = words(row).indexOf(text) >= 0 && (!bad.checked || row.classList.contains('bad'));
      row.hidden = !hit;
      hits[row.dataset.order] = hit;
      if (hit) shown++;
    });
    nodes.forEach(function (n) { n.classList.toggle('dim', hits[n.dataset.row] === false); });
    found.textContent = shown === rows.length ? '' : shown + ' of ' + rows.length + ' layers';
  }
  search.addEventListener('input', filter);
  bad.addEventListener('change', filter);
  function choose() {
    figures.forEach(function (f, i) { f.hidden = i !== choice.selectedIndex; });
  }
  function show(number) {
    if (!choice || !choice.options[number]) return;
    choice.selectedIndex = number;
    choose();
    choice.scrollIntoView();
    figures[number].focus({ preventScroll: true });
  }
  if (choice) choice.addEventListener('change', choose);
  function followFragment() {
    var fragment = location.hash.slice(1), direct = /^histogram-(\d+)$/.exec(fragment);
    if (choice) choose();
    if (direct) show(+direct[1]);
    fragment.split('&').forEach(function (part) {
      var at = part.indexOf('='), name = part.slice(0, at), value = part.slice(at + 1);
      if (name === 'sort') buttons.forEach(function (b) {
        if (b.dataset.key === value.replace(/^-/, '')) sortBy(b, value[0] === '-');
      });
      if (name === 'histogram') show(+value);
      if (name === 'search') {
        try { search.value = decodeURIComponent(value); } catch (e) { search.value = value; }
        filter();
      }
    });
  }
  window.addEventListener('hashchange', followFragment);
  followFragment();
  document.documentElement.setAttribute('data-ready', '1');
})();
)js";

}  // namespace detail::report_html

NNIESIM_END_NAMESPACE
