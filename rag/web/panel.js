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
// A list that is only brought up to date stays where it is, and gives the focus back to the link that had it.
let last = '';
element.addEventListener('focusin', event => { last = event.target.getAttribute('href') || event.target.className; });
function keep() {
  const lost = !document.activeElement || document.activeElement === document.body;
  const same = [...element.querySelectorAll('a, button')].find(e => (e.getAttribute('href') || e.className) === last);
  if (lost && same && document.querySelector('.jd-side.open')) same.focus({ preventScroll: true });
}
watch('value', () => requestAnimationFrame(() => (element.querySelector('[data-n]') ? show(120) : keep())));
