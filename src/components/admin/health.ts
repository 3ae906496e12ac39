/** Keeps what is said of sending true while the page is open. What someone is about to press is not taken from under their hand. */
import { at } from './root.ts';

const EVERY_MS = 3_000;

for (const health of document.querySelectorAll<HTMLElement>('[data-health]')) void follow(health);

async function follow(first: HTMLElement): Promise<void> {
  let shown = first;
  const address = at(
    `/admin/deliveries/health${location.pathname === at('/admin/deliveries') ? '?controls' : ''}`,
  );
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.hidden || shown.matches(':focus-within, :hover')) continue;
    const response = await fetch(address).catch(() => null);
    if (response && !response.ok) return;
    const text = await response?.text().catch(() => null);
    const fresh = text && new DOMParser().parseFromString(text, 'text/html').querySelector('[data-health]');
    if (!(fresh instanceof HTMLElement) || fresh.innerHTML === shown.innerHTML) continue;
    shown.replaceWith(fresh);
    shown = fresh;
  }
}
