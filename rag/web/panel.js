// After the panel was filled: scroll it (never the page) to the marked sentence and give it the focus.
watch('value', () => requestAnimationFrame(() => {
  const side = document.querySelector('.jd-side');
  const mark = element.querySelector('mark');
  const box = side && (side.querySelector('.sidebar-content') || side);
  document.documentElement.lang = (document.querySelector('.jd-brand') || {}).lang === 'en' ? 'en' : 'zh-CN';
  if (!box) return;
  if (!mark) { box.scrollTop = 0; }
  else {
    const top = mark.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;
    box.scrollTop = Math.max(0, top - box.clientHeight * 0.42);
  }
  const focus = mark || element.querySelector('.jd-close');
  if (focus) focus.focus({ preventScroll: true });
}));
