import { DELIVERY_STATES } from '#domain/deliveries.ts';
import { countsText, type FanoutCounts, share } from './fanout.ts';
import { at } from './root.ts';

/** Moves the bars of messages that are still going out, once a second, until nothing waits; and the figures behind one of them. */
const bars = [...document.querySelectorAll<HTMLElement>('[data-fanout]')];
for (const bar of bars) if (bar.dataset.waiting !== '0') void follow(bar);

async function follow(bar: HTMLElement): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (document.hidden) continue;
    const response = await fetch(at(`/admin/deliveries/${bar.dataset.fanout}/progress.json`)).catch(
      () => null,
    );
    // Signed out, or gone: the words that stand are the last that are known.
    if (response && !response.ok) return;
    const counts = (await response?.json().catch(() => null)) as FanoutCounts | null;
    if (!counts) continue;
    show(bar, counts);
    if (counts.waiting > 0) continue;
    bar.dispatchEvent(new Event('through', { bubbles: true }));
    return;
  }
}

function show(bar: HTMLElement, counts: FanoutCounts): void {
  const sent = bar.querySelector('rect.sent');
  const failed = bar.querySelector('rect.failed');
  sent?.setAttribute('width', share(counts.sent, counts.total));
  failed?.setAttribute('x', share(counts.sent, counts.total));
  failed?.setAttribute('width', share(counts.failed, counts.total));
  const words = bar.querySelector('[data-words]');
  if (words) words.textContent = countsText(counts);
  const going = bar.querySelector('[data-going]');
  if (going) going.textContent = counts.going;
  const states = document.querySelector(`[data-states-of="${bar.dataset.fanout}"]`);
  for (const state of DELIVERY_STATES) {
    const row = states?.querySelector<HTMLElement>(`[data-state="${state}"]`);
    const count = row?.querySelector('[data-count]');
    if (!row || !count) continue;
    count.textContent = (counts.states[state] ?? 0).toLocaleString('en');
    row.hidden = !counts.states[state];
  }
}
