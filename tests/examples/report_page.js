// Measured in a report's page, for report_page.sh: whether it fits its width, its texts are large and stand out enough,
// it follows the colour scheme, and all that can be used has a name and is reached by the keyboard.
'use strict';
window.addEventListener('load', function () {
  var problems = [], root = document.documentElement;
  function say(what, element) { if (problems.length < 20) problems.push(what + ': ' + element.outerHTML.slice(0, 90)); }
  function rgb(text) { return (text.match(/[\d.]+/g) || []).map(Number); }
  function luminance(c) {
    return [0.2126, 0.7152, 0.0722].reduce(function (sum, weight, i) {
      var v = c[i] / 255;
      return sum + weight * (v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4));
    }, 0);
  }
  function background(e) {
    for (; e; e = e.parentElement) {
      var node = e.closest('svg .node');
      if (node) return rgb(getComputedStyle(node.querySelector('rect')).fill);
      var c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  }
  if (root.scrollWidth > root.clientWidth) problems.push('the page is ' + root.scrollWidth + ' pixels wide');
  var dark = matchMedia('(prefers-color-scheme: dark)').matches;
  if (dark !== (luminance(background(document.body)) < 0.2)) problems.push('the page does not follow the scheme');
  var walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = new Set();
  while (walker.nextNode()) {
    var e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || seen.has(e) || /^(SCRIPT|STYLE|TITLE|title|OPTION|NOSCRIPT)$/.test(e.tagName) || e.closest('[hidden], .skip')) continue;
    seen.add(e);
    var style = getComputedStyle(e), svg = e.ownerSVGElement;
    var scale = svg && svg.viewBox.baseVal.width ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    if (parseFloat(style.fontSize) * scale < 9.5) say('text of ' + (parseFloat(style.fontSize) * scale).toFixed(1) + ' pixels', e);
    var front = luminance(rgb(svg ? style.fill : style.color)) + 0.05, back = luminance(background(e)) + 0.05;
    var contrast = Math.max(front, back) / Math.min(front, back);
    if (contrast < 4.5) say('contrast ' + contrast.toFixed(2), e);
  }
  document.querySelectorAll('a, button, input, select, [tabindex]').forEach(function (e) {
    var name = e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim() || (e.labels && e.labels.length);
    if (!name) say('no name', e);
    if (e.tabIndex < 0 && !e.closest('figure')) say('not reached by the keyboard', e);
  });
  parent.postMessage({ width: innerWidth, dark: dark, texts: seen.size, problems: problems }, '*');
});
