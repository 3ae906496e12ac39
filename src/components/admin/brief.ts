/** Keeps a brief true while its page is open, and its text for copying with it. Whoever has selected something keeps it. */
const BRIEF_EVERY_MS = 30_000;

if (document.querySelector('[data-brief]')) void keepBriefTrue();

async function keepBriefTrue(): Promise<void> {
  document.querySelector('#by-hand')?.remove();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, BRIEF_EVERY_MS));
    if (document.hidden || !getSelection()?.isCollapsed) continue;
    const response = await fetch(location.href).catch(() => null);
    // Its link has ended: what stands here is to be read no more.
    if (response?.status === 410) return location.reload();
    if (!response?.ok) continue;
    const text = await response.text().catch(() => null);
    if (!text) continue;
    const fresh = new DOMParser().parseFromString(text, 'text/html');
    replaceBrief(fresh, '[data-brief]');
    const field = document.querySelector<HTMLTextAreaElement>('#brief-text');
    const newer = fresh.querySelector<HTMLTextAreaElement>('#brief-text');
    if (field && newer) field.value = newer.value;
  }
}

function replaceBrief(fresh: Document, selector: string): void {
  const shown = document.querySelector(selector);
  const newer = fresh.querySelector(selector);
  if (!shown || !newer || shown.innerHTML === newer.innerHTML) return;
  // What was folded open stays so.
  const open = shown.querySelector('details')?.open ?? false;
  const details = newer.querySelector('details');
  if (details) details.open = open;
  shown.replaceWith(newer);
}
