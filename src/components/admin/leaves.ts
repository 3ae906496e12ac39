/**
 * Counts down the seconds until mail leaves, by the server's clock, and takes away what can no longer be done: to send early what leaves,
 * to stop what has left. Text only, nothing is announced each second. A button that has the focus stays until that moves on, so that no
 * key meets another button than the one that was looked at; pressed too late, it does no harm.
 */
export {};

const skew = Date.parse(document.body.dataset.now ?? '') - Date.now() || 0;

for (const line of document.querySelectorAll<HTMLElement>('[data-leaves]')) {
  const words = line.querySelector('[data-seconds]');
  const at = Date.parse(line.dataset.leaves as string);
  const timer = setInterval(tick, 250);

  function tick(): void {
    const left = Math.ceil((at - Date.now() - skew) / 1000);
    if (left > 0) {
      if (words) words.textContent = String(left);
      return;
    }
    clearInterval(timer);
    line.textContent = 'It is leaving now.';
    line.parentElement?.querySelector('[data-bar]')?.removeAttribute('hidden');
    takeAway(line.parentElement?.querySelector('[data-early]'));
  }
}

for (const acts of document.querySelectorAll<HTMLElement>('[data-acts]'))
  acts.parentElement?.addEventListener('through', () => {
    const line = acts.parentElement?.querySelector('[data-leaves]');
    if (line) line.textContent = 'All of it has left.';
    takeAway(acts);
  });

function takeAway(what: Element | null | undefined): void {
  if (!what?.contains(document.activeElement)) what?.remove();
  else what.addEventListener('focusout', () => setTimeout(() => takeAway(what)), { once: true });
}
