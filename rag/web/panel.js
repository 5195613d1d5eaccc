// After the panel was filled: scroll it (never the page) to the marked sentence and give it the focus.
function show(frames) {
  const side = document.querySelector('.jd-side');
  if (!side || (!side.classList.contains('open') && frames > 0)) {  // what is still closed cannot take the focus
    requestAnimationFrame(() => show(frames - 1));
    return;
  }
  const box = side.querySelector('.sidebar-content') || side;
  const mark = element.querySelector('mark');
  if (!mark) box.scrollTop = 0;
  else {
    const top = mark.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;
    box.scrollTop = Math.max(0, top - box.clientHeight * 0.42);
  }
  settle(mark || element.querySelector('.jd-confirm') || element.querySelector('.jd-close'), 30);
}
// The panel may be drawn once more in the same moment, and an element that is replaced loses the focus: ask again.
function settle(target, frames) {
  if (!target || frames === 0) return;
  target.focus({ preventScroll: true });
  if (document.activeElement !== target) {
    const again = document.contains(target) ? target : element.querySelector('mark');
    requestAnimationFrame(() => settle(again, frames - 1));
  }
}
// A list that is only brought up to date stays where it is, and gives the focus back to the link or box that had it.
const named = e => (e.getAttribute('href') || e.className).replace(/^#more.*/, '#more');
let last = '', typed = null;
element.addEventListener('focusin', event => { last = named(event.target); });
element.addEventListener('input', event => { typed = event.target.value; });
element.addEventListener('keydown', event => { if (event.key === 'Enter') typed = null; });
function keep() {
  const lost = !document.activeElement || document.activeElement === document.body;
  const same = [...element.querySelectorAll('a, button, input')].find(e => named(e) === last);
  if (!lost || !same || !document.querySelector('.jd-side.open')) return;
  same.focus({ preventScroll: true });
  if (same.matches('input') && typed !== null) same.value = typed;
}
watch('value', () => requestAnimationFrame(() => (element.querySelector('[data-n]') ? show(120) : keep())));
// While something is selected within one paragraph or cell, the link that points out the answer means that. Offsets are
// the document's, which counts characters, not UTF-16 units.
let waiting = 0;
function picked() {
  const selection = getSelection();
  const link = element.querySelector('.jd-this[data-picked]');
  if (!link) return;
  const home = node => node && (node.nodeType === 1 ? node : node.parentElement)?.closest('.jd-text [data-at]');
  const place = selection.rangeCount && !selection.isCollapsed ? home(selection.getRangeAt(0).startContainer) : null;
  const text = place ? selection.toString().trim() : '';
  clearTimeout(waiting);
  if (!text || !element.contains(place) || !place.contains(selection.getRangeAt(0).endContainer)) {
    waiting = setTimeout(() => offer(link, null), 400);  // a tap on the link ends the selection before it clicks
    return;
  }
  const before = document.createRange();
  before.selectNodeContents(place);
  before.setEnd(selection.getRangeAt(0).startContainer, selection.getRangeAt(0).startOffset);
  const start = Number(place.dataset.at) + [...before.toString()].length;
  offer(link, { text, range: `${start}-${start + [...selection.toString()].length}` });
}
function offer(link, selected) {
  const own = link.dataset.own || (link.dataset.own = JSON.stringify([link.getAttribute('href'), link.textContent]));
  const [href, word] = JSON.parse(own);
  link.setAttribute('href', selected ? href.replace(/[^/]*$/, selected.range) : href);
  link.textContent = selected ? link.dataset.picked : word;
  link.dataset.text = selected ? selected.text : '';
}
document.addEventListener('selectionchange', picked);
