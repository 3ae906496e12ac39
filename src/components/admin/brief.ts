/**
 * Keeps a brief true while its page is open, and its text for copying with it. What changed is said once; nothing that its reader has
 * selected, focused, folded open or scrolled to is taken away.
 */
const BRIEF_EVERY_MS = 30_000;
/** While the server is away it is asked less and less often. */
const BRIEF_SELDOM_MS = 8 * BRIEF_EVERY_MS;

if (document.querySelector('[data-brief]')) void keepBriefTrue();

async function keepBriefTrue(): Promise<void> {
  document.querySelector('#by-hand')?.remove();
  for (let wait = BRIEF_EVERY_MS; ; ) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    await untilSeen();
    if (!getSelection()?.isCollapsed) continue;
    const fresh = await readAgain();
    wait = fresh ? BRIEF_EVERY_MS : Math.min(wait * 2, BRIEF_SELDOM_MS);
    if (fresh) show(fresh);
  }
}

/** Nobody reads a page that is hidden; once it is seen again it is brought up to date at once. */
async function untilSeen(): Promise<void> {
  while (document.hidden)
    await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
}

async function readAgain(): Promise<Document | null> {
  const response = await fetch(location.href).catch(() => null);
  // Its link has ended: what stands here is to be read no more.
  if (response?.status === 410) location.reload();
  if (!response?.ok) return null;
  const text = await response.text().catch(() => '');
  const fresh = new DOMParser().parseFromString(text, 'text/html');
  return fresh.querySelector('[data-brief]') ? fresh : null;
}

function show(fresh: Document): void {
  const shown = document.querySelector<HTMLElement>('[data-brief]');
  const newer = fresh.querySelector<HTMLElement>('[data-brief]');
  const field = document.querySelector<HTMLTextAreaElement>('#brief-text');
  const text = fresh.querySelector<HTMLTextAreaElement>('#brief-text');
  if (field && text && field.value !== text.value) field.value = text.value;
  if (!shown || !newer || shown.innerHTML === newer.innerHTML) return;
  const details = newer.querySelector('details');
  if (details) details.open = shown.querySelector('details')?.open ?? false;
  // Within it only what folds can be focused.
  const focused = shown.contains(document.activeElement);
  const before = shown.getBoundingClientRect();
  const { scrollX, scrollY } = window;
  shown.replaceWith(newer);
  if (focused) newer.querySelector('summary')?.focus({ preventScroll: true });
  // Whoever has scrolled past it still reads the same lines.
  const grown = before.bottom < 0 ? newer.getBoundingClientRect().height - before.height : 0;
  window.scrollTo({ left: scrollX, top: scrollY + grown, behavior: 'instant' });
  const news = document.querySelector('[data-brief-news]');
  if (news && newer.dataset.brief !== shown.dataset.brief) news.textContent = newer.dataset.news ?? '';
}
