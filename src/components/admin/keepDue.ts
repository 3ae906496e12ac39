/**
 * Keeps true what a page of the admin says of what is open and due: the bar on top, and on the home page the list. It is asked for again
 * while someone can see it. What is new is said once, politely; what did not change is not touched, nor what someone is about to press.
 */
import { clockTimeWithZone } from '#domain/time.ts';
import { countAll, setClock, startCounting } from './countdown.ts';
import { morph } from './morph.ts';
import { whenReleased } from './released.ts';
import { at } from './root.ts';

const EVERY_MS = 8_000;
/** While the server does not answer it is asked less and less often. */
const SELDOM_MS = 64_000;
const ANSWER_MS = 10_000;
/** How long what someone points at or has focused stays as it is, since they last moved. */
const TOUCHED_MS = 10_000;

type Region = { shown: HTMLElement; html: string; touchedAt: number };
type Item = { id: string; late: string | null; words: string };

const regions = new Map<string, Region>();
for (const shown of document.querySelectorAll<HTMLElement>('[data-live]')) {
  const region = { shown, html: shown.innerHTML, touchedAt: Number.NEGATIVE_INFINITY };
  regions.set(shown.dataset.live as string, region);
  for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin'])
    shown.addEventListener(type, () => {
      region.touchedAt = performance.now();
    });
}
const address = at(`/admin/due${regions.has('now') ? '?now' : ''}`);
const news = document.querySelector('[data-live-news]');
const trouble = document.querySelector('[data-live-trouble]');
let known = itemsIn([...regions.values()].map(({ shown }) => shown));
let answeredAt = document.body.dataset.now ?? '';
let misses = 0;
let asking = false;
let timer = 0;

startCounting(answeredAt);
plan(EVERY_MS);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void look();
});

function plan(ms: number): void {
  clearTimeout(timer);
  timer = setTimeout(look, ms) as unknown as number;
}

async function look(): Promise<void> {
  // Once it is seen again it is asked for at once.
  if (document.hidden || asking) return;
  asking = true;
  clearTimeout(timer);
  const answer = await ask();
  asking = false;
  misses = answer === 'none' ? misses + 1 : 0;
  if (answer === 'none' || answer === 'signed out') sayTrouble(answer);
  else whenReleased(() => take(answer));
  plan(answer === 'signed out' ? SELDOM_MS : Math.min(EVERY_MS * 2 ** Math.max(0, misses - 1), SELDOM_MS));
}

async function ask(): Promise<Document | 'none' | 'signed out'> {
  const response = await fetch(address, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
  if (response?.status === 401) return 'signed out';
  const text = response?.ok ? await response.text().catch(() => '') : '';
  const fresh = new DOMParser().parseFromString(text, 'text/html');
  return fresh.querySelector('[data-live]') ? fresh : 'none';
}

function take(fresh: Document): void {
  const parts = [...fresh.querySelectorAll<HTMLElement>('[data-live]')];
  const now = parts.find((part) => part.dataset.now)?.dataset.now;
  if (now) answeredAt = now;
  setClock(answeredAt);
  trouble?.replaceChildren();
  sayNews(itemsIn(parts));
  for (const part of parts) {
    const region = regions.get(part.dataset.live as string);
    if (!region || region.html === part.innerHTML || isTouched(region)) continue;
    region.html = part.innerHTML;
    morph(region.shown, part);
  }
  countAll();
}

function isTouched({ shown, touchedAt }: Region): boolean {
  return performance.now() - touchedAt < TOUCHED_MS && shown.matches(':hover, :focus-within');
}

/** An incident that was not there, and one of whose words has become late. */
function sayNews(items: readonly Item[]): void {
  const ids = new Set(known.map(({ id }) => id));
  const late = new Set(known.map((item) => item.late));
  const said = items.flatMap((item) => {
    if (!ids.has(item.id)) return `New: ${item.words}.`;
    return item.late && !late.has(item.late) ? `Late: ${item.words}.` : [];
  });
  known = [...items];
  if (said.length && news) news.textContent = [...new Set(said)].join(' ');
}

function itemsIn(parts: readonly HTMLElement[]): Item[] {
  return parts
    .flatMap((part) => [...part.querySelectorAll<HTMLElement>('[data-open]')])
    .map(({ dataset }) => ({
      id: dataset.open as string,
      late: dataset.openLate ? `${dataset.open} ${dataset.openLate}` : null,
      words: dataset.openWords as string,
    }));
}

/** A server that is started anew is away for some seconds: that is not worth a word. */
function sayTrouble(why: 'none' | 'signed out'): void {
  if (!trouble || (why === 'none' && misses < 2)) return;
  const asOf = clockTimeWithZone(answeredAt, document.body.dataset.zone as string);
  const words =
    why === 'none'
      ? `The server does not answer. What is open and due stands here as it was at ${asOf}; it is asked for again by itself.`
      : `You are not signed in any more. What is open and due stands here as it was at ${asOf}.`;
  if (trouble.textContent?.startsWith(words)) return;
  const line = document.createElement('p');
  line.append(words);
  if (why === 'signed out') {
    const link = document.createElement('a');
    link.href = at(`/admin/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    link.append('Sign in');
    line.append(' ', link);
  }
  trouble.replaceChildren(line);
}
