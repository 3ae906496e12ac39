import { at } from './root.ts';

type Others = { name: string; body: string; drafting: boolean; at: string }[];
type Answer = { keptAt: string; others: Others };

/**
 * Keeps the form's draft on the server about a second after typing pauses and when the page is left, and in this browser in
 * the meantime, so that neither a crash nor a lost connection loses a word. What the server never got is put back on load.
 */
export function keepDraft(
  form: HTMLFormElement,
  kept: (previewUrl: string) => void,
): { saveNow: () => void } {
  const subject = form.dataset.subject as string;
  const local = `foghorn draft ${form.dataset.user} ${subject}`;
  const state = document.querySelector<HTMLElement>('[data-draft-state]');
  let timer: ReturnType<typeof setTimeout> | undefined;
  let flight: AbortController | undefined;
  let keptAt = 0;
  /** Counts what was typed; `saved` is how far the server has it. */
  let typed = 0;
  let saved = 0;
  let closed = false;

  if (form.dataset.posted === 'yes') forget(local);
  else restore();
  for (const type of ['input', 'change'])
    form.addEventListener(type, (event) => {
      if ((event.target as HTMLElement).matches('[data-no-draft]')) return;
      typed++;
      remember(local, form);
      clearTimeout(timer);
      timer = setTimeout(save, 1000);
    });
  form.addEventListener('submit', () => {
    // What is posted must not come back as a draft that was still on its way.
    closed = true;
    clearTimeout(timer);
    flight?.abort();
  });
  addEventListener('pageshow', () => {
    closed = false;
  });
  addEventListener('pagehide', () => {
    if (!closed && saved < typed) send(true).catch(() => undefined);
  });
  setInterval(showAge, 1000);
  void lookAtOthers();
  setInterval(lookAtOthers, 20_000);

  return { saveNow: save };

  async function save(): Promise<void> {
    clearTimeout(timer);
    if (closed) return;
    flight?.abort();
    flight = new AbortController();
    const upTo = typed;
    try {
      const response = await send(false, flight.signal);
      if (!response.ok) throw new Error(await response.text());
      const answer = (await response.json()) as Answer;
      saved = upTo;
      if (saved === typed) forget(local);
      keptAt = Date.now();
      showAge();
      document.querySelector('[data-discard]')?.removeAttribute('hidden');
      showOthers(answer.others);
      if (form.dataset.preview) kept(form.dataset.preview);
    } catch (error) {
      if ((error as Error).name === 'AbortError' || !state) return;
      state.textContent = 'Draft kept in this browser only: the server does not answer';
    }
  }

  function send(leaving: boolean, signal?: AbortSignal): Promise<Response> {
    return fetch(at('/admin/api/drafts'), {
      method: 'POST',
      keepalive: leaving,
      signal,
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ subject, fields: fieldsOf(form) }),
    });
  }

  async function lookAtOthers(): Promise<void> {
    if (document.hidden) return;
    const response = await fetch(at(`/admin/api/drafts?subject=${subject}`)).catch(() => null);
    if (response?.ok) showOthers(((await response.json()) as Answer).others);
  }

  function showAge(): void {
    if (!state || !keptAt) return;
    const seconds = Math.round((Date.now() - keptAt) / 1000);
    state.textContent =
      seconds < 60 ? `Draft kept ${seconds} s ago` : `Draft kept ${Math.floor(seconds / 60)} min ago`;
  }

  /** This browser remembers only what the server was never reached with; what was just sent and refused is newer still. */
  function restore(): void {
    const remembered = read(local);
    if (!remembered || form.dataset.problems === 'yes') return;
    for (const [name, value] of Object.entries(remembered)) setField(form, name, value);
    typed++;
    if (state) state.textContent = 'Your draft is back, from this browser';
    timer = setTimeout(save, 1000);
  }
}

let shown = '';

/** Says who else drafts, and leaves open what one has opened to read. */
function showOthers(others: Others): void {
  const place = document.querySelector('[data-others]');
  const key = JSON.stringify(others);
  if (!place || key === shown) return;
  shown = key;
  const open = new Set(
    [...place.querySelectorAll<HTMLElement>('details[open]')].map((details) => details.dataset.who),
  );
  place.replaceChildren(
    ...others.map((other) => {
      const details = otherDraft(other);
      details.open = open.has(other.name);
      return details;
    }),
  );
}

function otherDraft({ name, body, drafting, at }: Others[number]): HTMLDetailsElement {
  const details = document.createElement('details');
  details.className = 'note';
  details.dataset.who = name;
  const summary = document.createElement('summary');
  summary.textContent = drafting ? `${name} is drafting too` : `${name} left a draft at ${at}`;
  const text = document.createElement('blockquote');
  text.textContent = body || 'Nothing written yet.';
  details.append(summary, text);
  if (!body) return details;
  const use = document.createElement('button');
  use.type = 'button';
  use.className = 'link';
  use.dataset.useDraft = body;
  use.textContent = 'Use this text';
  details.append(use);
  return details;
}

function fieldsOf(form: HTMLFormElement): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') fields[name] = value;
  return fields;
}

function setField(form: HTMLFormElement, name: string, value: string): void {
  const field = form.elements.namedItem(name);
  if (name === 'version' || !field) return;
  if (field instanceof RadioNodeList || 'value' in field) (field as RadioNodeList).value = value;
}

/** Storage may be full or forbidden: then the server's draft alone must do. */
function remember(key: string, form: HTMLFormElement): void {
  try {
    localStorage.setItem(key, JSON.stringify(fieldsOf(form)));
  } catch {}
}

function read(key: string): Record<string, string> | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') as Record<string, string> | null;
  } catch {
    return null;
  }
}

function forget(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {}
}
