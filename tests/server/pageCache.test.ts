import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HEADLINES_HEADER, headlinesText } from '#formats/headlines.ts';
import { type Answer, headerOf, textAnswer } from '#server/answer.ts';
import { VERSION_HEADER } from '#server/cache/forEveryone.ts';
import { type LastGood, openLastGood } from '#server/cache/lastGood.ts';
import { createPageCache, type PageCache } from '#server/cache/pageCache.ts';
import { watchForChanges } from '#server/cache/watch.ts';

/** A renderer whose renders end when the test says so, over a database that holds nothing but a version. */
type Bench = {
  cache: PageCache;
  wait: (ms: number) => Promise<void>;
  lastGood: LastGood;
  db: { version: number; broken: boolean };
  clock: { now: number; pass: (ms: number) => Promise<void> };
  renders: { path: string; finish: (answer?: Answer) => void; fail: (error: Error) => void }[];
  failures: string[];
};

let folder: string;
const opened: LastGood[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-cache-'));
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.flush();
  rmSync(folder, { recursive: true, force: true });
});

function page(text: string, version?: number, status = 200): Answer {
  const headers: [string, string][] = [['content-type', 'text/html']];
  if (version !== undefined) headers.push([VERSION_HEADER, String(version)]);
  return {
    status,
    headers,
    body: Buffer.from(`<html><body><!--as-of-->${text}${' '.repeat(600)}</body></html>`),
  };
}

function bench(options: { manual?: boolean; maxAnswers?: number; maxBytes?: number } = {}): Bench {
  const db = { version: 1, broken: false };
  const renders: Bench['renders'] = [];
  const failures: string[] = [];
  const timers: { at: number; ring: () => void }[] = [];
  const clock = {
    now: Date.parse('2026-11-20T15:06:00.000Z'),
    pass: async (ms: number) => {
      clock.now += ms;
      for (const timer of timers.filter((each) => each.at <= clock.now)) timer.ring();
      await settle();
    },
  };
  const lastGood = openLastGood(folder, (error) => {
    throw error;
  });
  opened.push(lastGood);
  const wait = (ms: number) =>
    new Promise<void>((ring) => timers.push({ at: clock.now + ms, ring: () => ring() }));
  const cache = createPageCache({
    lastGood,
    wait,
    now: () => clock.now,
    readVersion: async () => {
      if (db.broken) throw new Error('no database');
      return db.version;
    },
    render: (path) => {
      const version = db.version;
      if (!options.manual) {
        renders.push({ path, finish: () => undefined, fail: () => undefined });
        return Promise.resolve(page(`${path} v${version}`, version));
      }
      return new Promise((resolve, reject) =>
        renders.push({
          path,
          finish: (answer) => resolve(answer ?? page(`${path} v${version}`, version)),
          fail: reject,
        }),
      );
    },
    unavailable: async (path) => textAnswer(503, `${path} is away`),
    broken: async (path) => textAnswer(500, `${path} is broken`),
    onFailure: (path) => failures.push(path),
    ...(options.maxAnswers !== undefined && { maxAnswers: options.maxAnswers }),
    ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
  });
  return { cache, wait, lastGood, db, clock, renders, failures };
}

/** Lets everything that can go on without time passing go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

const textOf = (answer: Answer) => answer.body.toString('utf8').replace(/\s+/g, ' ');

describe('one render, however many ask', () => {
  test('a thousand requests at once share one render, and later ones a kept answer', async () => {
    const { cache, renders } = bench({ manual: true });
    const asked = Array.from({ length: 1000 }, () => cache.get('/'));
    await settle();
    expect(renders).toHaveLength(1);
    renders[0]?.finish();
    const served = await Promise.all(asked);
    expect(new Set(served.map((each) => each.sendable)).size).toBe(1);
    expect(cache.peek('/')).toBe(served[0]?.sendable);
    expect(renders).toHaveLength(1);
  });

  test('another path has its own render', async () => {
    const { cache, renders } = bench();
    await Promise.all([cache.get('/'), cache.get('/history')]);
    expect(renders.map((each) => each.path).sort()).toEqual(['/', '/history']);
  });

  test('while a version lasts it is rendered again after a minute, beside the answer', async () => {
    const { cache, renders, clock } = bench();
    await cache.get('/');
    await clock.pass(59_999);
    expect(cache.peek('/')).not.toBeNull();
    await clock.pass(1);
    expect(cache.peek('/')).toBeNull();
    const served = await cache.get('/');
    expect(served.kind).toBe('fresh');
    await settle();
    expect(renders).toHaveLength(2);
    expect(cache.peek('/')).not.toBeNull();
  });

  test('a render that changed nothing keeps the bytes and their compressed forms', async () => {
    const { cache, clock } = bench();
    const { sendable } = await cache.get('/');
    await clock.pass(60_000);
    await cache.get('/');
    await settle();
    expect(cache.peek('/')).toBe(sendable);
  });
});

describe('fresh after a change', () => {
  test('in this process: the next request sees it', async () => {
    const { cache, db } = bench();
    await cache.get('/');
    db.version = 2;
    cache.changed();
    expect(cache.peek('/')).toBeNull();
    expect(textOf((await cache.get('/')).sendable.answer)).toContain('/ v2');
  });

  test('in another process: the next request after a poll sees it', async () => {
    const { cache, db } = bench();
    await cache.poll();
    await cache.get('/');
    db.version = 2;
    expect(cache.peek('/')).not.toBeNull();
    await cache.poll();
    expect(cache.peek('/')).toBeNull();
    expect(textOf((await cache.get('/')).sendable.answer)).toContain('/ v2');
  });

  test('in another process: within a second of it, again and again, and the page is there before anyone asks', async () => {
    const { cache, wait, db, clock, renders } = bench();
    watchForChanges(cache, wait);
    for (let version = 2; version < 6; version++) {
      const before = renders.length;
      db.version = version;
      await clock.pass(500);
      await clock.pass(500);
      expect(renders.length - before).toBe(1);
      expect(textOf((cache.peek('/') as NonNullable<ReturnType<PageCache['peek']>>).answer)).toContain(
        `v${version}`,
      );
    }
  });

  test('no request joins a render that began before the change it came after', async () => {
    const { cache, db, renders } = bench({ manual: true });
    const early = cache.get('/');
    await settle();
    db.version = 2;
    cache.changed();
    const late = cache.get('/');
    await settle();
    expect(renders).toHaveLength(2);
    renders[1]?.finish();
    expect(textOf((await late).sendable.answer)).toContain('v2');
    renders[0]?.finish();
    expect(textOf((await early).sendable.answer)).toContain('v1');
    // The older one landed last and must not take the newer one's place.
    expect(textOf((cache.peek('/') as NonNullable<ReturnType<PageCache['peek']>>).answer)).toContain('v2');
  });

  test('nor one that began before a change elsewhere', async () => {
    const { cache, db, renders } = bench({ manual: true });
    const early = cache.get('/');
    await settle();
    db.version = 2;
    await cache.poll();
    const late = [cache.get('/'), cache.get('/')];
    await settle();
    expect(renders).toHaveLength(2);
    for (const render of renders) render.finish();
    await early;
    for (const served of await Promise.all(late)) expect(textOf(served.sendable.answer)).toContain('v2');
  });

  test('the poll that hears of our own change causes no second render', async () => {
    const { cache, db, renders } = bench();
    await cache.poll();
    db.version = 2;
    cache.changed();
    await cache.get('/');
    await cache.poll();
    expect(cache.peek('/')).not.toBeNull();
    expect(renders).toHaveLength(1);
  });

  test('a path that is kept warm is compressed before anyone asks; another once it is asked for again', async () => {
    const { cache, db } = bench();
    await cache.poll();
    await cache.keepWarm('/');
    const { sendable } = await cache.get('/');
    await sendable.beside;
    expect(Object.keys(sendable.variants).sort()).toEqual(['br', 'gzip', 'identity']);

    const other = (await cache.get('/history')).sendable;
    expect(other.beside).toBeUndefined();
    expect(cache.peek('/history?again')).toBe(other);
    await other.beside;
    expect(Object.keys(other.variants).sort()).toEqual(['br', 'gzip', 'identity']);

    // What has no one left to be sent to when its turn comes is not worth the work.
    const busy = (await cache.get('/incidents/a')).sendable;
    const late = (await cache.get('/incidents/b')).sendable;
    for (const path of ['/incidents/a', '/incidents/b']) cache.peek(path);
    db.version = 2;
    cache.changed();
    await cache.get('/incidents/b');
    await Promise.all([busy.beside, late.beside]);
    expect([busy.variants.br, late.variants.br].map(Boolean)).toEqual([true, false]);
  });

  test('a path that is kept warm is rendered after a change, or a minute, before anyone asks', async () => {
    const { cache, db, clock, renders } = bench();
    const beat = async () => {
      await cache.poll();
      await cache.keepWarm('/');
    };
    for (let i = 0; i < 10; i++) await beat();
    expect(renders).toHaveLength(1);
    db.version = 2;
    await beat();
    expect(renders).toHaveLength(2);
    expect(cache.peek('/')).not.toBeNull();
    await clock.pass(60_000);
    await beat();
    expect(renders).toHaveLength(3);
    db.broken = true;
    await clock.pass(60_000);
    for (let i = 0; i < 10; i++) await beat();
    expect(renders).toHaveLength(3);
  });

  test('a page that read an older snapshot than the poll is not taken for fresh', async () => {
    const { cache, db, renders } = bench({ manual: true });
    const asked = cache.get('/');
    await settle();
    db.version = 2;
    await cache.poll();
    renders[0]?.finish(page('old', 1));
    await asked;
    expect(cache.peek('/')).toBeNull();
  });

  test('after a backup is restored, versions that start over are followed', async () => {
    const { cache, db } = bench();
    db.version = 50;
    await cache.poll();
    await cache.get('/');
    db.version = 7;
    await cache.poll();
    expect(cache.peek('/')).toBeNull();
    expect(textOf((await cache.get('/')).sendable.answer)).toContain('v7');
    expect(cache.peek('/')).not.toBeNull();
  });
});

describe('bounded', () => {
  test('query strings make neither entries nor renders', async () => {
    const { cache, renders } = bench();
    await cache.get('/');
    for (let i = 0; i < 100_000; i++) expect(cache.peek(`/?q=${i}`)).not.toBeNull();
    expect(renders).toHaveLength(1);
    expect(cache.size().answers).toBe(1);
  });

  test('100,000 paths at which there is nothing grow nothing and push out no page', async () => {
    const { cache, renders } = bench({ manual: true });
    const home = cache.get('/');
    await settle();
    renders.shift()?.finish();
    await home;
    const before = cache.size();
    for (let round = 0; round < 1000; round++) {
      const asked = Array.from({ length: 100 }, (_, i) => cache.get(`/incidents/x${round}-${i}`));
      let answered = 0;
      for (const each of asked) void each.then(() => answered++);
      while (answered < asked.length) {
        for (const render of renders.splice(0)) render.finish(page('Not found', 1, 404));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    expect(cache.size().answers).toBeLessThanOrEqual(before.answers + 1000);
    expect(cache.size().bytes - before.bytes).toBeLessThan(1024 * 1024);
    expect(cache.peek('/')).not.toBeNull();
  });

  test('more pages than there is room for: the count and the bytes hold, and what is read stays', async () => {
    const { cache } = bench({ maxAnswers: 50 });
    await cache.get('/');
    for (let i = 0; i < 500; i++) {
      expect(cache.peek('/')).not.toBeNull();
      await cache.get(`/incidents/id${i}`);
    }
    expect(cache.size().answers).toBe(50);
    const small = bench({ maxBytes: 100_000 });
    for (let i = 0; i < 500; i++) await small.cache.get(`/incidents/id${i}`);
    expect(small.cache.size().bytes).toBeLessThanOrEqual(100_000);
  });

  test('few renders run at once, known pages go first, and a flood is refused rather than kept waiting', async () => {
    const { cache, renders } = bench({ manual: true });
    const home = cache.get('/');
    await settle();
    renders.shift()?.finish();
    await home;
    const flood = Array.from({ length: 1000 }, (_, i) => cache.get(`/incidents/s${i}`));
    await settle();
    expect(renders).toHaveLength(4);
    const refused = await Promise.race([Promise.any(flood), settle().then(() => null)]);
    expect(refused?.sendable.answer.status).toBe(503);
    cache.changed();
    const again = cache.get('/');
    await settle();
    renders[0]?.finish();
    await settle();
    expect(renders[4]?.path).toBe('/');
    renders[4]?.finish();
    expect((await again).kind).toBe('fresh');
  });
});

describe('last good', () => {
  test('a render that throws or answers 500 is covered by what was good, marked with its age', async () => {
    const { cache, renders, clock, failures } = bench({ manual: true });
    const first = cache.get('/');
    await settle();
    renders[0]?.finish(page('all is well', 1));
    await first;
    await clock.pass(200_000);
    for (const end of [
      () => renders.at(-1)?.fail(new Error('boom')),
      () => renders.at(-1)?.finish(page('oops', 1, 500)),
    ]) {
      const asked = cache.get('/');
      await settle();
      end();
      const { kind, sendable } = await asked;
      expect(kind).toBe('last-good');
      expect(sendable.answer.status).toBe(200);
      expect(textOf(sendable.answer)).toContain('all is well');
      expect(textOf(sendable.answer)).toMatch(/<p class="asof">.*15:06 UTC/);
      expect(headerOf(sendable.answer, 'x-foghorn-as-of')).toBe('2026-11-20T15:06:00.000Z');
      await clock.pass(1_000);
    }
    expect(failures).toHaveLength(2);
  });

  test('while the path rests after a failure nobody renders; after a second it is tried again', async () => {
    const { cache, renders, clock } = bench({ manual: true });
    const first = cache.get('/');
    await settle();
    renders[0]?.finish();
    await first;
    cache.changed();
    const failing = cache.get('/');
    await settle();
    renders[1]?.fail(new Error('boom'));
    await failing;
    for (let i = 0; i < 100; i++) expect((await cache.get('/')).kind).toBe('last-good');
    expect(renders).toHaveLength(2);
    await clock.pass(1_000);
    const again = cache.get('/');
    await settle();
    renders[2]?.finish();
    expect((await again).kind).toBe('fresh');
  });

  test('a render that hangs: two seconds, then the last good one at once for everybody', async () => {
    const { cache, renders, clock } = bench({ manual: true });
    const first = cache.get('/');
    await settle();
    renders[0]?.finish();
    await first;
    cache.changed();
    const asked = cache.get('/');
    await settle();
    await clock.pass(2_000);
    expect((await asked).kind).toBe('last-good');
    expect((await cache.get('/')).kind).toBe('last-good');
    expect(renders).toHaveLength(2);
    // It was only slow: what it made is used.
    renders[1]?.finish();
    await settle();
    expect(cache.peek('/')).not.toBeNull();
  });

  test('a render that never ends gives its place back', async () => {
    const { cache, renders, clock } = bench({ manual: true });
    for (let i = 0; i < 4; i++) void cache.get(`/incidents/h${i}`);
    await settle();
    const waiting = cache.get('/');
    await settle();
    expect(renders).toHaveLength(4);
    await clock.pass(14_999);
    expect(renders).toHaveLength(4);
    await clock.pass(1);
    expect(renders).toHaveLength(5);
    renders[4]?.finish();
    // Its own patience ended in the same moment; the page is there for the next.
    await waiting;
    await settle();
    expect(cache.peek('/')).not.toBeNull();
  });

  test('after a restart, without a database: from the disk', async () => {
    const before = bench();
    await before.cache.get('/');
    await before.lastGood.flush();
    const { cache, db } = bench();
    db.broken = true;
    const { kind, sendable } = await cache.get('/');
    expect(kind).toBe('last-good');
    expect(textOf(sendable.answer)).toContain('/ v1');
    expect(textOf(sendable.answer)).toContain('class="asof"');
  });

  test('with nothing to fall back on it says so, of the path that was asked for', async () => {
    const { cache, db } = bench();
    db.broken = true;
    const { kind, sendable } = await cache.get('/de/history');
    expect(kind).toBe('failed');
    expect([sendable.answer.status, textOf(sendable.answer)]).toEqual([503, '/de/history is away ']);
  });

  test('a page that answers that it cannot be made is broken, not away, also while it rests', async () => {
    const { cache, renders, clock } = bench({ manual: true });
    const asked = cache.get('/history');
    await settle();
    renders[0]?.finish(page('oops', 1, 500));
    const { kind, sendable } = await asked;
    expect([kind, textOf(sendable.answer).includes('oops')]).toEqual(['failed', true]);
    expect(headerOf(sendable.answer, 'cache-control')).toBe('no-store');
    const next = (await cache.get('/history')).sendable.answer;
    expect([next.status, textOf(next), renders.length]).toEqual([500, '/history is broken ', 1]);
    await clock.pass(1_000);
    const again = cache.get('/history');
    await settle();
    renders[1]?.finish(page('mended', 1));
    expect((await again).kind).toBe('fresh');
  });

  test('what / said of how things are is known as long as it was, and until when; also after a restart', async () => {
    const { cache, renders, db, clock, lastGood } = bench({ manual: true });
    expect(await cache.lastWord()).toBeNull();
    const headlines = { en: 'Checkout is failing', ar: 'الدفع لا يعمل' };
    const told = page('failing', 1);
    const asked = cache.get('/');
    await settle();
    renders[0]?.finish({ ...told, headers: [...told.headers, [HEADLINES_HEADER, headlinesText(headlines)]] });
    expect((await asked).sendable.answer.headers.map(([name]) => name)).not.toContain(HEADLINES_HEADER);
    const rendered = clock.now;
    await clock.pass(50_000);
    await cache.poll();
    db.broken = true;
    await clock.pass(3_600_000);
    expect(await cache.lastWord()).toEqual({ headlines, asOf: rendered + 50_000 });
    await lastGood.flush();
    expect(await bench().cache.lastWord()).toEqual({ headlines, asOf: rendered });
    // After a change that nobody has seen yet it is known to have been right only until it was rendered.
    cache.changed();
    expect(await cache.lastWord()).toEqual({ headlines, asOf: rendered });
  });

  test('when the database answers again the mark goes', async () => {
    const { cache, db, clock } = bench();
    await cache.get('/');
    db.broken = true;
    await clock.pass(200_000);
    expect((await cache.get('/')).kind).toBe('last-good');
    db.broken = false;
    await clock.pass(1_000);
    const { kind, sendable } = await cache.get('/');
    expect(kind).toBe('fresh');
    expect(textOf(sendable.answer)).not.toContain('class="asof"');
  });

  test('at the first poll that the database answers, nothing rests any longer', async () => {
    const { cache, db } = bench();
    db.broken = true;
    await cache.poll();
    expect((await cache.get('/')).kind).toBe('failed');
    db.broken = false;
    expect((await cache.get('/')).kind).toBe('failed');
    await cache.poll();
    expect((await cache.get('/')).kind).toBe('fresh');
  });

  test('"as of" is when the page was last known to be right, not when it was rendered', async () => {
    const { cache, db, clock } = bench();
    await cache.poll();
    await cache.get('/');
    await clock.pass(50_000);
    await cache.poll();
    db.broken = true;
    await clock.pass(3_600_000);
    const { sendable } = await cache.get('/');
    expect(headerOf(sendable.answer, 'x-foghorn-as-of')).toBe('2026-11-20T15:06:50.000Z');
  });
});

test('nothing of one visitor reaches another: cookies and the internal version go', async () => {
  const { cache, renders } = bench({ manual: true });
  const asked = cache.get('/');
  await settle();
  const answer = page('hello', 1);
  renders[0]?.finish({
    ...answer,
    headers: [...answer.headers, ['set-cookie', 'session=1'], ['cache-control', 'no-store']],
  });
  const names = (await asked).sendable.answer.headers.map(([name]) => name);
  expect(names).not.toContain('set-cookie');
  expect(names).not.toContain(VERSION_HEADER);
  expect(headerOf((await asked).sendable.answer, 'cache-control')).toMatch(
    /^public, max-age=0, s-maxage=\d+, stale-while-revalidate=\d+, stale-if-error=\d+$/,
  );
});
