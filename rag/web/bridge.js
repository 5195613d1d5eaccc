// Listens on the whole page for the links that messages and panels carry in their fragments, and tells Python.
// `trigger('click', …)` opens something in the panel, `trigger('submit', …)` asks something, `trigger('apply', …)` says
// something of an answer.
const OPENS = ['cite', 'near', 'cand', 'doc', 'at', 'library', 'more', 'edit', 'remove', 'delete', 'put', 'drop'];
const ASKS = ['ask', 'retry'];
const SAYS = ['right', 'wrong', 'this'];
let opener = null;  // what had the focus before the panel opened: it gets it back

const sidebar = () => document.querySelector('.jd-side');
const isOpen = () => !!sidebar() && sidebar().classList.contains('open');

function toggle() {
  const button = sidebar() && sidebar().querySelector('.toggle-button');
  if (button) button.click();
}

function close() {
  if (!isOpen()) return;
  toggle();
  document.querySelectorAll('a.cite.now').forEach(a => a.classList.remove('now'));
  if (opener && document.contains(opener)) opener.focus({ preventScroll: true });
  opener = null;
}

async function copy(text, link) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (refused) {  // pages that are not served from this machine have no clipboard: the old way still works
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  const before = link.textContent;
  if (link.classList.contains('done')) return;
  link.textContent = link.title;
  link.classList.add('done');
  setTimeout(() => { link.textContent = before; link.classList.remove('done'); }, 1400);
}

function plain(message) {
  const said = message.querySelector('.jd-said').cloneNode(true);
  const sources = new Map();
  said.querySelectorAll('a.cite').forEach(a => {
    sources.set(a.textContent, a.title);
    a.textContent = ` [${a.textContent}]`;
  });
  const lines = [...said.querySelectorAll('p, li')].map(p => p.textContent.trim()).filter(Boolean);
  return [...lines, ...[...sources].map(([n, title]) => `[${n}] ${title}`)].join('\n');
}

document.addEventListener('click', event => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  if (target.closest('.jd-close')) { event.preventDefault(); close(); return; }
  const add = target.closest('.jd-add');
  if (add) {  // Gradio's own button stays out of sight; what it refuses it would refuse in English only
    event.preventDefault();
    const input = document.querySelector('.jd-side input[type=file]');
    if (input) input.accept = add.dataset.accept;
    if (input) input.click();
    return;
  }
  const link = target.closest('a[href^="#"]');
  if (!link || !link.closest('.gradio-container')) return;
  const words = link.getAttribute('href').slice(1);
  const action = words.split(/[-/]/)[0];
  if (link.classList.contains('jd-link')) {
    event.preventDefault();
    history.replaceState(null, '', '#' + words);
    copy(location.href, link);
  } else if (action === 'copy') {
    event.preventDefault();
    copy(plain(link.closest('.jd-msg')), link);
  } else if (OPENS.includes(action)) {
    event.preventDefault();
    if (action !== 'edit' && !link.closest('.jd-side')) opener = link;
    document.querySelectorAll('a.cite.now').forEach(a => a.classList.remove('now'));
    if (action === 'cite') link.classList.add('now');
    trigger('click', { target: words });
    if (action === 'edit') document.querySelector('#jd-box textarea').focus();
  } else if (ASKS.includes(action)) {
    event.preventDefault();
    trigger('submit', { target: words });
  } else if (SAYS.includes(action)) {
    event.preventDefault();
    said = words;
    trigger('apply', { target: words, picked: link.dataset.text || '' });
  }
}, true);

// A reply that is drawn anew, when something was said of it, looks as it did: what was unfolded stays so, and the link that
// was clicked keeps the focus.
let said = '';
const unfolded = new Set();
const turnOf = details => (details.closest('.jd-msg')?.querySelector('a[href^="#copy-"]')?.getAttribute('href') || '');
document.addEventListener('toggle', event => {
  const details = event.target;
  if (!(details instanceof Element) || !details.matches('.jd-why') || !details.isConnected) return;
  if (details.open) unfolded.add(turnOf(details));
  else unfolded.delete(turnOf(details));
}, true);
document.addEventListener('focusin', event => { if (event.target.getAttribute('href') !== '#' + said) said = ''; });
document.addEventListener('pointerdown', () => { said = ''; }, true);
function keep() {
  for (const turn of unfolded) {
    const details = document.querySelector(`a[href="${turn}"]`)?.closest('.jd-msg').querySelector('.jd-why');
    if (!details) unfolded.delete(turn);
    else if (!details.open) details.open = true;
  }
  document.querySelectorAll('.jd-mark, .jd-this').forEach(a => {
    const pressed = String(a.classList.contains('on'));
    if (a.getAttribute('aria-pressed') !== pressed) a.setAttribute('aria-pressed', pressed);
    if (!a.hasAttribute('role')) a.setAttribute('role', 'button');
  });
  const same = said && document.activeElement === document.body && document.querySelector(`a[href="#${CSS.escape(said)}"]`);
  if (same) same.focus({ preventScroll: true });
}

document.addEventListener('keydown', event => {
  if (event.key === 'Enter' && event.target instanceof Element && event.target.matches('.jd-find')) {
    event.preventDefault();
    trigger('click', { target: 'find/' + encodeURIComponent(event.target.value) });
    return;
  }
  const pressed = event.key === ' ' && event.target instanceof Element && event.target.closest('a[role="button"]');
  if (pressed) { event.preventDefault(); pressed.click(); return; }
  if (event.key === 'Escape' && isOpen()) { event.preventDefault(); close(); }
});

// A link to a place opens it as soon as the documents are ready.
if (location.hash.startsWith('#at/')) {
  const wait = setInterval(() => {
    if (!document.querySelector('.jd-facts:not(.none)')) return;
    clearInterval(wait);
    trigger('click', { target: location.hash.slice(1) });
  }, 200);
}

// A keyboard at hand: the question box has the focus from the start. On a touch screen that would raise the keyboard.
if (matchMedia('(pointer: fine)').matches && !location.hash) {
  const first = frames => {
    const area = document.querySelector('#jd-box textarea');
    const busy = document.activeElement && document.activeElement !== document.body;
    if (area && !busy) area.focus({ preventScroll: true });
    if (document.activeElement !== area && !busy && frames) requestAnimationFrame(() => first(frames - 1));
  };
  requestAnimationFrame(() => first(300));
}

// Gradio names each message after its markup, which a screen reader would spell out: the content speaks for itself.
function tidy() {
  keep();
  document.documentElement.lang = document.querySelector('.jd-brand[lang="en"]') ? 'en' : 'zh-CN';
  document.querySelectorAll('#jd-chat [data-testid][aria-label*="<"]').forEach(e => e.removeAttribute('aria-label'));
  const english = !!document.querySelector('.jd-brand[lang="en"]');
  const area = document.querySelector('#jd-box textarea');
  const named = english ? 'Question' : '问题';
  if (area && area.getAttribute('aria-label') !== named) area.setAttribute('aria-label', named);
  const send = document.querySelector('#jd-box :is(.submit-button, .stop-button)');
  if (!send) return;
  const stops = send.classList.contains('stop-button');
  const name = english ? (stops ? 'Stop' : 'Send') : (stops ? '停止' : '发送');
  if (send.getAttribute('aria-label') !== name) send.setAttribute('aria-label', name);
}
new MutationObserver(tidy).observe(document.body, {
  subtree: true, childList: true, attributes: true, attributeFilter: ['aria-label'],
});
