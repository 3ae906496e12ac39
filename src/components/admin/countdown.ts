/**
 * Counts down to each `data-countdown` instant by the server's clock, and turns the due bar late the second it is. Text only:
 * nothing is announced each second, and the absolute time stays beside it.
 */
let skew = 0;

/** What the server's clock says. The time that an answer was on its way is no reason to set it again. */
export function setClock(now: string): void {
  const told = Date.parse(now) - Date.now();
  if (Math.abs(told - skew) > 2_000) skew = told;
}

export function startCounting(now: string): void {
  setClock(now);
  countAll();
  setInterval(countAll, 1000);
}

/** Everything that counts on the page as it is now. */
export function countAll(): void {
  const now = Date.now() + skew;
  for (const counter of document.querySelectorAll<HTMLElement>('[data-countdown]')) {
    const left = Date.parse(counter.dataset.countdown as string) - now;
    // In a list each counts for itself, be it within the bar or on a page.
    const bar = counter.closest('li') ? null : counter.closest<HTMLElement>('[data-due]');
    const text = countText(left, bar === null);
    if (counter.textContent !== text) counter.textContent = text;
    counter.hidden = false;
    if (!bar || left > 0 || bar.classList.contains('late')) continue;
    bar.classList.remove('soon', 'ahead');
    bar.classList.add('late');
    bar.querySelector('[data-late]')?.removeAttribute('hidden');
    const words = bar.querySelector('[data-due-words]');
    if (words) words.textContent = (words.textContent ?? '').replace(/ due by$/, ' was due by');
  }
}

/** "08:41", "2:08:41", "3 days"; past the time "+04:12", or without the sign where "late" stands beside it. */
function countText(left: number, withSign: boolean): string {
  const seconds = Math.abs(Math.trunc(left / 1000));
  if (seconds >= 2 * 86_400) return `${Math.floor(seconds / 86_400)} days`;
  const pad = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return `${left < 0 && withSign ? '+' : ''}${hours ? `${hours}:` : ''}${rest}`;
}
