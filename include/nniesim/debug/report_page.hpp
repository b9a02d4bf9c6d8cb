// The style sheet and the script of a report's page; both work without any other file.
#pragma once

#include <string_view>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail::report_html {

inline constexpr std::string_view style = R"css(
:root { --line: #bbb; --bad: #fbe3d4; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #111; background: #fff;
  max-width: 1240px; margin: 0 auto; padding: 1rem 1.5rem 3rem; }
h1 { font-size: 1.6rem; margin: .2rem 0; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: .2rem 0; } h4 { margin: .8rem 0 .1rem; }
p, ul { margin: .3rem 0; } ul { padding-left: 1.4rem; } a { color: #0072b2; }
nav a { margin-right: 1rem; }
dl.about { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: .5rem 0; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
.finding { border: 1px solid var(--line); border-left: 6px solid #0072b2; padding: .6rem 1rem; margin: .7rem 0; overflow-wrap: anywhere; }
.finding.verdict { border-left-color: #d55e00; } .finding.fine { border-left-color: #009e73; }
.finding .summary { font-size: 1.1rem; }
pre { background: #f4f4f4; border: 1px solid var(--line); padding: .5rem .8rem; overflow-x: auto; font-size: .9rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.scroll { overflow: auto; max-height: 80vh; border: 1px solid var(--line); }
table { border-collapse: collapse; font-size: .78rem; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; padding: .3rem .5rem; color: #444; }
th, td { padding: .2rem .4rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th { background: #eee; vertical-align: bottom; font-weight: 600; } thead th { white-space: normal; } thead th { position: sticky; top: 0; }
.text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 5.5rem; } tbody th, .wide { min-width: 10.5rem; }
tbody th { background: none; font-weight: 400; vertical-align: inherit; } .mark { text-align: left; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit; text-decoration: underline dotted; }
th[aria-sort=ascending] button::after { content: " \25b2"; } th[aria-sort=descending] button::after { content: " \25bc"; }
tr.bad { background: var(--bad); } tr.bad th, tr.bad .mark { font-weight: 700; } tr.here { outline: 2px solid #d55e00; outline-offset: -2px; }
figure { margin: .8rem 0; } figcaption { color: #444; font-size: .9rem; } svg { display: block; width: 100%; height: auto; }
.small { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 0 1rem; }
select { font: inherit; max-width: 100%; }
@page { margin: 12mm; }
@page wide { size: landscape; margin: 12mm; }
@media print {
  html { font-size: 9pt; }
  body { font-size: 1rem; max-width: none; padding: 0; color: #000; }
  nav, .choose { display: none; }
  #layers { page: wide; }
  .scroll { max-height: none; overflow: visible; border: 0; }
  pre { background: none; }
  table { font-size: 7pt; }
  th, td { padding: 1pt 3pt; }
  thead th { position: static; }
  th button { display: contents; }
  h2, h3, h4 { break-after: avoid; }
  tr, figure, li { break-inside: avoid; }
  .small { grid-template-columns: 1fr 1fr; }
}
)css";

inline constexpr std::string_view script = R"js(
'use strict';
window.onerror = function (message) { document.documentElement.setAttribute('data-error', message); };
(function () {
  var body = document.querySelector('#layers tbody');
  var buttons = document.querySelectorAll('#layers button');
  var choice = document.getElementById('layer-choice');
  var figures = document.querySelectorAll('#histograms figure');
  // Missing values come last in either order; NaN is less than all numbers.
  function sortBy(button, falling) {
    var column = button.parentNode.cellIndex, numeric = button.dataset.kind === 'number';
    function value(row) {
      var text = row.cells[column].dataset.v;
      if (text === undefined || !numeric) return text;
      var number = Number(text);
      return number === number ? number : -Infinity;
    }
    var rows = Array.from(body.rows).map(function (row) { return { row: row, value: value(row), order: +row.dataset.order }; });
    rows.sort(function (a, b) {
      if (a.value === b.value) return a.order - b.order;
      if (a.value === undefined) return 1;
      if (b.value === undefined) return -1;
      return (a.value < b.value ? -1 : 1) * (falling ? -1 : 1);
    });
    rows.forEach(function (r) { body.appendChild(r.row); });
    buttons.forEach(function (b) { b.parentNode.setAttribute('aria-sort', 'none'); });
    button.parentNode.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
  }
  buttons.forEach(function (b) {
    b.addEventListener('click', function () { sortBy(b, b.parentNode.getAttribute('aria-sort') === 'ascending'); });
  });
  function choose() {
    figures.forEach(function (f, i) { f.hidden = i !== choice.selectedIndex; });
  }
  if (choice) choice.addEventListener('change', choose);
  function followFragment() {
    location.hash.slice(1).split('&').forEach(function (part) {
      var at = part.indexOf('='), name = part.slice(0, at), value = part.slice(at + 1);
      if (name === 'sort') buttons.forEach(function (b) {
        if (b.dataset.key === value.replace(/^-/, '')) sortBy(b, value[0] === '-');
      });
      if (name === 'histogram' && choice && choice.options[+value]) {
        choice.selectedIndex = +value;
        choice.scrollIntoView();
      }
    });
    if (choice) choose();
  }
  window.addEventListener('hashchange', followFragment);
  followFragment();
  document.documentElement.setAttribute('data-ready', '1');
})();
)js";

}  // namespace detail::report_html

NNIESIM_END_NAMESPACE
