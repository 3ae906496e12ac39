import { HEADLINES_HEADER, readHeadlines } from '#formats/headlines.ts';
import { type Answer, headerOf, withHeaders } from '../answer.ts';
import type { LastWord } from '../fallback.ts';
import { markedAsOf } from './asOf.ts';
import { createFlights, type Flights, HUNG_MS } from './flights.ts';
import { forEveryone, VERSION_HEADER } from './forEveryone.ts';
import type { LastGood } from './lastGood.ts';
import { compressBeside, makeSendable, type Sendable, weight } from './sendable.ts';
import { createShelf } from './shelf.ts';

/**
 * Whole answers kept by path while the page's version lasts.
 * - The next request after a change in this process sees it; after one in another process, the next request after a `poll`.
 * - One render a path and version, however many ask; a request never gets a render that began before the change it came after.
 * - When a render fails or hangs, the last good answer is served, marked with its age.
 */
export type PageCache = {
  /** The fresh answer for a request target, if it is here: the hot path, which does nothing else. */
  peek: (target: string) => Sendable | null;
  /** The answer for a path that `isShared`; never rejects. */
  get: (path: string) => Promise<Served>;
  /** A change was committed in this process. */
  changed: () => void;
  /** Asks the database for the version; several times a second. Never rejects. */
  poll: () => Promise<void>;
  /**
   * Renders the path if it is not fresh and has it compressed beside, so that the next visitor waits for nothing and a last good
   * answer is up to date.
   */
  keepWarm: (path: string) => Promise<void>;
  /** What `/` last said of how things are, here or before the last start; null when nobody knows. Never rejects. */
  lastWord: () => Promise<LastWord | null>;
  counts: CacheCounts;
  /** The newest page version that a poll has seen. */
  version: () => number;
  /** How many answers and, roughly, bytes are held. */
  size: () => { answers: number; bytes: number };
};

/** `last-good`: could not be renewed, and says so. `failed`: nothing to fall back on; the answer is an error. */
export type Served = { kind: 'fresh' | 'last-good' | 'failed'; sendable: Sendable };

export type CacheCounts = {
  hits: number;
  misses: number;
  renders: number;
  failures: number;
  lastGood: number;
};

export type PageCacheOptions = {
  /** Renders one shared path for a visitor without cookies. May reject, hang or answer 5xx: all three count as a failure. */
  render: (path: string) => Promise<Answer>;
  readVersion: () => Promise<number>;
  lastGood: LastGood;
  now: () => number;
  /** Resolves after so many milliseconds, for bounded waits. */
  wait: (ms: number) => Promise<void>;
  /** What to answer when a render failed and nothing good is kept. */
  unavailable: (path: string) => Promise<Answer>;
  /** The same while a page rests that had answered that it could not be made. */
  broken: (path: string) => Promise<Answer>;
  onFailure: (path: string, error: unknown) => void;
  maxAnswers?: number;
  maxBytes?: number;
};

/** While a version lasts a page says the same; it is rendered again this often all the same, so that one that cannot be is known. */
const MAX_AGE_MS = 60_000;
/** Past its age but of the right version: shown once more while it is renewed beside, unless older than this. */
const MAX_STALE_MS = 2 * MAX_AGE_MS;
/** How long a visitor waits for a slow render when something good is kept, and when nothing is. */
const PATIENCE_MS = 2_000;
const LAST_PATIENCE_MS = 15_000;
/** After a failure the path rests this long before it is tried again. */
const REST_MS = 1_000;
const MAX_RESTING = 1000;
/** The same bytes are written to disk again only this often, to renew their date. */
const KEEP_AGAIN_MS = 60_000;

type Entry = {
  sendable: Sendable;
  version: number;
  /** Which of this process's changes it came after. */
  epoch: number;
  renderedAt: number;
  keptAt: number;
  headlines: string | undefined;
  /** Its bytes are another entry's too, and weigh there. */
  borrowed: boolean;
};

export function createPageCache(options: PageCacheOptions): PageCache {
  const { now, lastGood } = options;
  const pages = createShelf<Entry>(
    options.maxAnswers ?? 2000,
    options.maxBytes ?? 64 * 1024 * 1024,
    (entry) => weight(entry.sendable),
  );
  let sharedMiss: Sendable | null = null;
  // Answers that say "not here" or "elsewhere" stay apart, so that a flood of wrong paths pushes out no page.
  const misses = createShelf<Entry>(1000, 8 * 1024 * 1024, (entry) =>
    entry.borrowed ? 256 : weight(entry.sendable),
  );
  const resting = new Map<string, { until: number; broken: boolean }>();
  const counts: CacheCounts = { hits: 0, misses: 0, renders: 0, failures: 0, lastGood: 0 };
  let epoch = 0;
  let version = 0;
  let confirmedAt = 0;
  let answers = false;

  const flights: Flights<Entry> = createFlights({
    epoch: () => epoch,
    readVersion: options.readVersion,
    isKnown: (path) => path === '/' || pages.has(path),
    wait: options.wait,
    run: async (path, begunVersion, begunEpoch) => {
      counts.renders += 1;
      const answer = await options.render(path);
      if (answer.status >= 500) throw new RenderFailed(answer);
      const reported = Number(headerOf(answer, VERSION_HEADER) ?? Number.NaN);
      return store(path, answer, Number.isSafeInteger(reported) ? reported : begunVersion, begunEpoch);
    },
  });

  const isFresh = (entry: Entry) => isCurrent(entry) && now() - entry.renderedAt < MAX_AGE_MS;
  const isCurrent = (entry: Entry) => entry.epoch === epoch && entry.version >= version;

  function find(path: string): Entry | undefined {
    return pages.get(path) ?? misses.get(path);
  }

  function store(path: string, rendered: Answer, ofVersion: number, ofEpoch: number): Entry {
    const answer = forEveryone(rendered);
    const before = find(path);
    const made = makeSendable(answer);
    const entry: Entry = {
      // The same bytes keep their compressed forms.
      sendable: before && isSame(before.sendable, made) ? before.sendable : made,
      version: ofVersion,
      epoch: ofEpoch,
      renderedAt: now(),
      keptAt: before?.keptAt ?? 0,
      headlines: headerOf(rendered, HEADLINES_HEADER) ?? undefined,
      borrowed: false,
    };
    if (before && isNewer(before, entry)) return entry;
    resting.delete(path);
    if (answer.status !== 200) {
      pages.delete(path);
      // Nearly all of these are one and the same "not found" page.
      entry.borrowed = sharedMiss !== null && isSame(sharedMiss, entry.sendable);
      if (sharedMiss && entry.borrowed) entry.sendable = sharedMiss;
      sharedMiss = entry.sendable;
      misses.set(path, entry);
      return entry;
    }
    misses.delete(path);
    if (entry.sendable !== before?.sendable || now() - entry.keptAt >= KEEP_AGAIN_MS) {
      entry.keptAt = now();
      const { sendable, renderedAt, headlines } = entry;
      lastGood.keep(path, { answer: sendable.answer, renderedAt, headlines });
    }
    pages.set(path, entry);
    return entry;
  }

  /** What the last poll still confirmed was right until then, however long ago it was rendered. */
  function rightUntil(entry: Entry): number {
    return isCurrent(entry) ? Math.max(entry.renderedAt, confirmedAt) : entry.renderedAt;
  }

  async function fallBack(path: string, failed: Answer | null): Promise<Served> {
    const entry = pages.get(path);
    if (entry) {
      counts.lastGood += 1;
      return { kind: 'last-good', sendable: markedAsOf(entry.sendable.answer, rightUntil(entry), now()) };
    }
    const kept = await lastGood.read(path);
    if (kept) {
      counts.lastGood += 1;
      return { kind: 'last-good', sendable: markedAsOf(kept.answer, kept.renderedAt, now()) };
    }
    const plain = resting.get(path)?.broken ? options.broken : options.unavailable;
    const answer = failed ? withHeaders(failed, { 'cache-control': 'no-store' }) : await plain(path);
    return { kind: 'failed', sendable: makeSendable(answer) };
  }

  function rest(path: string, ms: number, broken = false): void {
    if (resting.size >= MAX_RESTING) resting.delete(resting.keys().next().value as string);
    resting.set(path, { until: now() + ms, broken });
  }

  function failed(path: string, error: unknown): void {
    counts.failures += 1;
    rest(path, REST_MS, error instanceof RenderFailed);
    options.onFailure(path, error);
  }

  async function renew(path: string): Promise<Served> {
    const patience = find(path) || lastGood.has(path) ? PATIENCE_MS : LAST_PATIENCE_MS;
    const flight = flights.join(path, version);
    try {
      const entry = await Promise.race([flight, options.wait(patience).then(() => null)]);
      if (entry) return { kind: 'fresh', sendable: entry.sendable };
      // It goes on beside and is stored when it ends; until then nobody else waits.
      rest(path, HUNG_MS);
      flight.catch((error: unknown) => failed(path, error));
      return await fallBack(path, null);
    } catch (error) {
      failed(path, error);
      return fallBack(path, error instanceof RenderFailed ? error.answer : null);
    }
  }

  return {
    counts,
    version: () => version,
    size: () => ({ answers: pages.count() + misses.count(), bytes: pages.bytes() + misses.bytes() }),
    peek: (target) => {
      let entry = pages.use(target) ?? misses.use(target);
      if (!entry) {
        const query = target.indexOf('?');
        if (query === -1) return null;
        const path = target.slice(0, query);
        entry = pages.use(path) ?? misses.use(path);
        if (!entry) return null;
      }
      if (!isFresh(entry)) return null;
      counts.hits += 1;
      // It is not the first who asks for it.
      if (!entry.sendable.beside) compressSoon(target, entry);
      return entry.sendable;
    },
    get: async (path) => {
      counts.misses += 1;
      const entry = find(path);
      if (entry && isCurrent(entry)) {
        const age = now() - entry.renderedAt;
        if (age < MAX_AGE_MS) return { kind: 'fresh', sendable: entry.sendable };
        if (age < MAX_STALE_MS) {
          if (!isResting(path)) void renew(path);
          return { kind: 'fresh', sendable: entry.sendable };
        }
      }
      return isResting(path) ? fallBack(path, null) : renew(path);
    },
    keepWarm: async (path) => {
      const entry = find(path);
      if (answers && !isResting(path) && !(entry && isFresh(entry))) await renew(path);
      const renewed = pages.get(path);
      if (renewed) compressSoon(path, renewed);
    },
    lastWord: async () => {
      const entry = pages.get('/');
      const { headlines, asOf } = entry
        ? { headlines: entry.headlines, asOf: rightUntil(entry) }
        : await lastGood
            .read('/')
            .then((kept) => ({ headlines: kept?.headlines, asOf: kept?.renderedAt ?? 0 }));
      return headlines ? { headlines: readHeadlines(headlines), asOf } : null;
    },
    changed: () => {
      epoch += 1;
      // It was committed, so the database answers again: nothing needs to rest.
      resting.clear();
    },
    poll: async () => {
      try {
        const seen = await options.readVersion();
        confirmedAt = now();
        // The database is back: what failed without it is worth trying at once.
        if (!answers) resting.clear();
        answers = true;
        // Lower only when a backup was restored: then what we hold is of another history.
        if (seen < version) epoch += 1;
        version = seen;
      } catch {
        answers = false;
        // The pages find out by themselves: what cannot be renewed is served as last good.
      }
    },
  };

  function compressSoon(target: string, { sendable }: Entry): void {
    const [path] = target.split('?') as [string];
    if (sendable.answer.status === 200)
      compressBeside(sendable, () => pages.get(path)?.sendable === sendable);
  }

  function isResting(path: string): boolean {
    const rests = resting.get(path);
    return rests !== undefined && rests.until > now();
  }
}

class RenderFailed extends Error {
  override name = 'RenderFailed';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`The page answered ${answer.status}.`);
    this.answer = answer;
  }
}

/** Epochs count first: after a backup was restored, versions start over. */
function isNewer(a: Entry, b: Entry): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);
}

function isSame(a: Sendable, b: Sendable): boolean {
  return (
    a.tag === b.tag &&
    a.answer.status === b.answer.status &&
    JSON.stringify(a.answer.headers) === JSON.stringify(b.answer.headers)
  );
}
