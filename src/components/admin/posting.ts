import { substitute, type VariableName } from '#domain/templates.ts';
import { keepDraft } from './draftKeeper.ts';
import { whenReleased } from './released.ts';
import { insertText, watchWording } from './wording.ts';

/**
 * The posting screen, better with script: live hints and preview, the draft kept as one types, templates filled in at once, and
 * one keystroke to post. Everything here has a plain form beneath it.
 */
const form = document.querySelector<HTMLFormElement>('form[data-posting]');
if (form) startPosting(form);

function startPosting(form: HTMLFormElement): void {
  const body = form.elements.namedItem('body') as HTMLTextAreaElement;
  const fieldText = (name: string) => String(new FormData(form).get(name) ?? '');
  for (const spare of form.querySelectorAll<HTMLElement>('[data-without-script]')) spare.hidden = true;

  const refreshHints = watchWording(body, () => ({
    body: body.value,
    audience: fieldText('audience') === 'internal' ? 'internal' : 'public',
    status: fieldText('status') === 'resolved' ? 'resolved' : undefined,
    affected: fieldText('affected'),
    scope: fieldText('scope'),
    workaround: fieldText('workaround'),
  }));
  form.addEventListener('input', ({ target }) => {
    if (target !== body) refreshHints();
  });
  const kept = keepDraft(form, (told) => showPreview(form, told));
  const followStatus = form.dataset.public === 'yes' ? wellWhenResolved(form) : () => undefined;
  form.addEventListener('change', (event: Event) => {
    followStatus(event);
    refreshHints();
    showComponentChanges(form);
  });
  useTemplates(form, body, fieldText);
  shortcuts(form, kept.saveNow);
  useOthersDrafts(body);
  showComponentChanges(form);
}

/** A template's wording goes into the text as typing would, so that it can be undone; then facts fill in as they are typed. */
function useTemplates(
  form: HTMLFormElement,
  body: HTMLTextAreaElement,
  fieldText: (name: string) => string,
): void {
  const select = form.querySelector<HTMLSelectElement>('select[name="template"]');
  const known = JSON.parse(form.dataset.values ?? '{}') as Record<string, string>;
  const typed = (): Record<string, string> => ({
    affected: fieldText('affected') || known.affected || '',
    scope: fieldText('scope') || known.scope || '',
    workaround: fieldText('workaround') || known.workaround || '',
    estimate: fieldText('estimate') || known.estimate || '',
  });
  select?.addEventListener('change', () => {
    const chosen = select.selectedOptions[0];
    const wording = chosen?.dataset.body;
    if (!chosen || !wording) return;
    body.select();
    insertText(body, substitute(wording, { ...known, ...typed() }).text);
    const status = form.querySelector<HTMLInputElement>(
      `input[name="status"][value="${chosen.dataset.status ?? ''}"]`,
    );
    if (status) status.checked = true;
    form.dispatchEvent(new Event('change', { bubbles: true }));
  });
  form.addEventListener('change', (event) => {
    const { name, value } = event.target as HTMLInputElement;
    if (!['affected', 'scope', 'workaround', 'estimate'].includes(name) || !value.trim()) return;
    const filled = substitute(body.value, { [name as VariableName]: value }).text;
    if (filled === body.value) return;
    body.value = filled;
    body.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

function shortcuts(form: HTMLFormElement, saveNow: () => void): void {
  const press = (what: string) => {
    const buttons = form.querySelectorAll<HTMLButtonElement>(`button[data-key="${what}"]`);
    const shown = [...buttons].find((button) => button.checkVisibility());
    if (shown) form.requestSubmit(shown);
  };
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.repeat) return;
    if (event.key === 'Enter' && form.contains(document.activeElement)) {
      event.preventDefault();
      press(event.shiftKey ? 'quiet' : 'post');
    } else if (event.key === 's' && !event.shiftKey) {
      event.preventDefault();
      saveNow();
    }
  });
  let sent = false;
  form.addEventListener('submit', (event) => {
    // A second press while the first is on its way would only meet its own conflict.
    if (sent) event.preventDefault();
    sent = true;
    form.setAttribute('aria-busy', 'true');
  });
  addEventListener('pageshow', () => {
    sent = false;
    form.removeAttribute('aria-busy');
  });
}

type Preview = {
  told: number;
  atOnce: number;
  later: string;
  audiences: string;
  subject: string;
  text: string;
  pageHtml: string;
  problems: string[];
};

/** Asks for the preview of the draft that was just kept. */
async function showPreview(form: HTMLFormElement, url: string): Promise<void> {
  const response = await fetch(`${url}.json`, { headers: { Accept: 'application/json' } });
  if (!response.ok) return;
  const preview = (await response.json()) as Preview;
  whenReleased(() => putPreview(form, url, preview));
}

function putPreview(form: HTMLFormElement, url: string, preview: Preview): void {
  const put = (key: string, text: string) => {
    for (const place of form.querySelectorAll(`[data-preview="${key}"]`)) place.textContent = text;
  };
  put('subject', preview.subject);
  put('text', preview.text);
  put('atOnce', preview.atOnce.toLocaleString('en'));
  for (const key of ['later', 'audiences'] as const) {
    put(key, preview[key]);
    for (const line of form.querySelectorAll<HTMLElement>(`[data-when="${key}"]`))
      line.hidden = preview[key] === '';
  }
  put('problems', preview.problems.join(' '));
  form.dataset.told = String(preview.told);
  form.querySelector('.pane')?.setAttribute('data-empty', preview.subject ? 'no' : 'yes');
  labelButtons(form);
  const page = form.querySelector('[data-preview="page"]');
  // Made by the server from Markdown and sanitised there, as the public page itself has it.
  if (page) page.innerHTML = preview.pageHtml;
  if (preview.subject) swapFrame(form, url);
}

/** The new mail loads behind the old one and takes its place once it is there; the history stays as it was. */
function swapFrame(form: HTMLFormElement, url: string): void {
  const frames = form.querySelectorAll<HTMLIFrameElement>('iframe[data-preview="mail"]');
  const [old, ...loading] = frames;
  if (!old) return;
  for (const frame of loading) frame.remove();
  const fresh = old.cloneNode() as HTMLIFrameElement;
  fresh.src = `${url}?at=${Date.now()}`;
  fresh.classList.add('loading');
  fresh.addEventListener('load', () => {
    old.remove();
    fresh.classList.remove('loading');
  });
  old.after(fresh);
}

/** Each button says what it does and to how many; which of the two shows is the style sheet's doing. */
function labelButtons(form: HTMLFormElement): void {
  const told = Number(form.dataset.told ?? 0);
  const people = `${told.toLocaleString('en')} ${told === 1 ? 'person' : 'people'}`;
  for (const button of form.querySelectorAll<HTMLButtonElement>('button[data-verb]'))
    button.textContent =
      told === 0 ? (button.dataset.verb as string) : `${button.dataset.verb} and tell ${people}`;
}

/** "was Major outage" where a row differs from what stands, "unchanged" where it does not. */
function showComponentChanges(form: HTMLFormElement): void {
  for (const row of form.querySelectorAll<HTMLElement>('[data-was]')) {
    const select = row.querySelector('select');
    const words = row.querySelector('[data-change]');
    if (!select || !words) continue;
    const changed = select.value !== row.dataset.was;
    words.textContent = changed ? `was ${row.dataset.wasLabel}` : 'unchanged';
    row.classList.toggle('changed', changed);
  }
}

/** Resolving makes everything operational before one's eyes; going back gives back what stood. What one sets then stays. */
function wellWhenResolved(form: HTMLFormElement): (event: Event) => void {
  const selects = [...form.querySelectorAll<HTMLSelectElement>('[data-was] select')];
  const flag = form.elements.namedItem('componentsSet') as HTMLInputElement;
  const before = new Map<HTMLSelectElement, string>();
  return ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target.name !== 'status') return;
    const resolved = target.value === 'resolved';
    if (resolved === (flag.value === 'yes')) return;
    flag.value = resolved ? 'yes' : 'no';
    for (const select of selects) {
      if (resolved) before.set(select, select.value);
      select.value = resolved ? 'operational' : (before.get(select) ?? select.value);
    }
  };
}

function useOthersDrafts(body: HTMLTextAreaElement): void {
  document.addEventListener('click', (event) => {
    const button = (event.target as HTMLElement).closest<HTMLElement>('[data-use-draft]');
    if (!button) return;
    body.select();
    insertText(body, button.dataset.useDraft as string);
  });
}
