/**
 * Counts down the seconds until mail leaves, by the server's clock. Text only, nothing is announced each second. Once it leaves, it can
 * no longer be sent early; the bar below it tells the rest.
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
    const early = line.parentElement?.querySelector<HTMLElement>('[data-early]');
    // Whoever has it under the keyboard goes on to Stop.
    if (early && early === document.activeElement) (early.nextElementSibling as HTMLElement | null)?.focus();
    early?.remove();
  }
}
