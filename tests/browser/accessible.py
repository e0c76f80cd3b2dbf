"""What a page owes to those who read it otherwise: contrast, names, a language, a title, headings in order.

    assert faults(page) == []

Contrast is that of the styles as the browser computes them, by the formula of WCAG 2.2: 4.5 for text, 3 for large text. Text over
pictures is not looked at, nor what is disabled or hidden.
"""

from __future__ import annotations

SCHEMES = ("light", "dark")

FAULTS = r"""() => {
  const found = [];
  const where = (node) => {
    const named = [...node.classList].slice(0, 3).map((name) => `.${name}`).join('');
    return `${node.tagName.toLowerCase()}${named} "${(node.innerText ?? '').trim().slice(0, 30)}"`;
  };
  const visible = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && node.getClientRects().length > 0;

  // Contrast
  const pen = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], ground) => [r, g, b].map((part, i) => a * part + (1 - a) * ground[i]);
  const light = (colour) => colour.reduce((sum, part, i) => {
    const share = part / 255;
    return sum + [0.2126, 0.7152, 0.0722][i] * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  }, 0);
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (/url\(/.test(style.backgroundImage)) return null; // a picture
      layers.push(rgba(style.backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((ground, layer) => over(layer, ground), [255, 255, 255]);
  };
  const off = '[disabled], [aria-hidden=true], .cnnlab-unseen, .cnnlab-todo, .widget-inline-hbox:has([disabled]), svg';
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || seen.has(node) || node.closest(off)) continue;
    seen.add(node);
    if (/^(SCRIPT|STYLE|NOSCRIPT|TITLE)$/.test(node.tagName) || !visible(node)) continue;
    const ground = behind(node);
    if (!ground) continue;
    const style = getComputedStyle(node);
    const ink = over(rgba(style.color), ground);
    const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < wanted - 0.005) found.push(`contrast ${ratio.toFixed(2)}: ${where(node)} ${style.color} on rgb(${ground.map(Math.round)})`);
  }

  // Names
  const text = (id) => document.getElementById(id)?.textContent.trim();
  const nameOf = (node) =>
    node.getAttribute('aria-label')?.trim() ||
    (node.getAttribute('aria-labelledby') ?? '').split(/\s+/).map(text).filter(Boolean).join(' ') ||
    [...(node.labels ?? [])].map((label) => label.textContent.trim()).join(' ') ||
    node.innerText?.trim() || node.getAttribute('title') || node.getAttribute('alt') ||
    [...node.querySelectorAll('img[alt], [aria-label]')].map((part) => part.alt || part.getAttribute('aria-label')).join(' ').trim();
  const roles = ['slider', 'radio', 'listbox', 'application', 'img', 'meter'].map((role) => `, [role=${role}]`);
  const controls = `a[href], button, input:not([type=hidden]), select, textarea, summary${roles.join('')}`;
  for (const node of document.querySelectorAll(controls)) if (visible(node) && !nameOf(node)) found.push(`no name: ${where(node)}`);
  for (const node of document.querySelectorAll('img, canvas')) {
    const silent = node.closest('[aria-hidden=true]') || !visible(node);
    if (!silent && !nameOf(node)) found.push(`no text alternative: ${where(node)}`);
  }

  // The page itself
  if (!document.documentElement.lang) found.push('no language');
  if (!document.title.trim()) found.push('no title');
  const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(visible);
  const levels = headings.map((node) => Number(node.tagName[1]));
  const first = levels.filter((level) => level === 1).length;
  if (first !== 1) found.push(`${first} headings of the first level`);
  levels.forEach((level, i) => {
    if (i && level > levels[i - 1] + 1) found.push(`level ${levels[i - 1]} is followed by ${where(headings[i])}`);
  });
  return found;
}"""


def faults(page) -> list[str]:
    """What is wrong with an open page, in light and in dark."""
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {fault}" for fault in page.evaluate(FAULTS)]
    return found
