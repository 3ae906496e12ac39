import { sql } from 'kysely';
import type { Db } from '#db/open.ts';
import { postNotice, rendered } from '../delivery/support.ts';
import { type Figure, quantile } from './bars.ts';
import { diskFigures, watchDisk } from './disk.ts';
import { type Installation, PEOPLE, type Template } from './million.ts';
import { startPageLoad } from './pageLoad.ts';
import { rest, startSink } from './sink.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const IDLE_MS = 8_000;
/** How often a post would want the writer, in the server's process and from another. */
const OWN_EVERY_MS = 40;
const OTHER_EVERY_MS = 100;

/**
 * One server, a million people, mail at Resend's usual pace: how fast the fan-out becomes deliveries, and what posts and visitors
 * notice of it. The page is measured right before in the same process, so that what else the machine does falls on both.
 */
export async function measureExpansion(million: Template): Promise<Figure[]> {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sink = await startSink({ ratePerSecond: 5, latencyMs: 150 });
    const installation = await million.open(sink);
    try {
      const one = await expandOnce(installation);
      console.log(`(a) round ${round + 1}: ${told(one)}`);
      rounds.push(one);
    } finally {
      await installation.close();
      sink.stop();
    }
  }
  const middle = (pick: (round: Round) => number) => quantile(rounds.map(pick), 0.5);
  // A round has a few hundred requests of either kind, and its p99 hangs on a handful of them: all rounds are one distribution.
  const p99 = (pick: (round: Round) => number[]) => quantile(rounds.flatMap(pick), 0.99);
  const [idle, busy] = [p99((one) => one.idle), p99((one) => one.busy)];
  const of = `(a) ${PEOPLE.toLocaleString('en')} subscribers:`;
  return [
    { name: `${of} rows expanded a second`, value: middle((one) => one.rate), unit: '/s', bar: null },
    {
      name: `${of} beside one bare INSERT ... SELECT`,
      value: middle((one) => one.rate / one.bare),
      unit: 'ratio',
      bar: null,
    },
    {
      name: `${of} memory of server and worker`,
      value: middle((one) => one.memory / 1e6),
      unit: 'MB',
      bar: { most: 300 },
    },
    {
      name: `${of} wait for the writer, p99`,
      value: p99((one) => one.own),
      unit: 'ms',
      bar: { most: 100 },
    },
    {
      name: `${of} the same from another process, p99`,
      value: p99((one) => one.other),
      unit: 'ms',
      bar: { most: 100 },
    },
    {
      name: `${of} the page's p99 beside its idle p99`,
      value: busy / idle,
      unit: 'ratio',
      bar: { most: 2 },
    },
    { name: `${of} the page's p99 when idle`, value: idle, unit: 'ms', bar: null },
    ...diskFigures(
      of,
      rounds.flatMap((one) => one.disk),
    ),
  ];
}

/** Rows a second, bytes, and how many milliseconds each took or waited. */
type Round = Record<'rate' | 'bare' | 'memory', number> &
  Record<'own' | 'other' | 'idle' | 'busy' | 'disk', number[]>;

function told({ rate, memory, own, other, idle, busy }: Round): string {
  const p99 = (times: number[]) => quantile(times, 0.99).toFixed(1);
  const waits = `writer ${p99(own)} and ${p99(other)} ms, page ${p99(busy)} ms, idle ${p99(idle)} ms`;
  return `${Math.round(rate)} rows/s, ${Math.round(memory / 1e6)} MB, ${waits}`;
}

async function expandOnce(installation: Installation): Promise<Round> {
  const { server, db, probe } = installation;
  // What a process does once, at its first page, is no part of either figure.
  await run(`${server.url}/`, 2_000);
  const before = await watchDisk();
  const idle = await run(`${server.url}/`, IDLE_MS);
  const disk = await before.stop();
  await probe(`/begin?every=${OWN_EVERY_MS}`);
  const others = startTurns(db);
  const visitors = await startPageLoad(`${server.url}/`);
  const noticeSeq = await postNotice(db, new Date().toISOString(), { mail: rendered(undefined, 14_000) });
  const { created_at, done_at } = await untilExpanded(db, noticeSeq);
  const [busy, own, other] = await Promise.all([visitors.stop(), probe<number[]>('/end'), others.stop()]);
  const ms = Date.parse(done_at) - Date.parse(created_at);
  const memory = installation.peakMemory();
  return {
    rate: (PEOPLE / ms) * 1000,
    bare: await bareRate(db, noticeSeq),
    memory,
    own,
    other,
    idle,
    busy,
    disk,
  };
}

async function run(url: string, ms: number): Promise<number[]> {
  const load = await startPageLoad(url);
  await rest(ms);
  return load.stop();
}

async function untilExpanded(db: Db, noticeSeq: number): Promise<{ created_at: string; done_at: string }> {
  for (;;) {
    const fanout = await db.read((tx) =>
      tx
        .selectFrom('fanouts')
        .select(['created_at', 'done_at'])
        .where('notice_seq', '=', noticeSeq)
        .executeTakeFirstOrThrow(),
    );
    if (fanout.done_at) return { ...fanout, done_at: fanout.done_at };
    await rest(50);
  }
}

/** The wait for the writer as another process meets it: the command line, or a worker of its own. */
function startTurns(db: Db): { stop: () => Promise<number[]> } {
  const waits: Promise<number>[] = [];
  const timer = setInterval(() => {
    const asked = performance.now();
    waits.push(db.write(async () => performance.now() - asked));
  }, OTHER_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return Promise.all(waits);
    },
  };
}

/** The same rows once more, under another notice, by one statement that lets nobody else write. @returns rows a second */
async function bareRate(db: Db, noticeSeq: number): Promise<number> {
  let began = 0;
  let ms = 0;
  const undo = new Error('The rows are not kept.');
  const copy = postCopy(db, noticeSeq);
  await copy
    .then((seq) =>
      db.write(async (tx) => {
        began = performance.now();
        await sql`
          insert into deliveries (notice_seq, recipient_seq, state, priority, not_before, attempts, unanswered, updated_at, lane)
          select ${sql.lit(seq)}, recipient_seq, 'queued', priority, not_before, 0, 0, updated_at, lane
          from deliveries where notice_seq = ${sql.lit(noticeSeq)} order by recipient_seq`.execute(tx);
        ms = performance.now() - began;
        throw undo;
      }),
    )
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  return (PEOPLE / ms) * 1000;
}

/** A notice without a fan-out. */
function postCopy(db: Db, noticeSeq: number): Promise<number> {
  return db.write(async (tx) => {
    const { seq: _, ...notice } = await tx
      .selectFrom('notices')
      .selectAll()
      .where('seq', '=', noticeSeq)
      .executeTakeFirstOrThrow();
    const { seq } = await tx
      .insertInto('notices')
      .values({ ...notice, id: `${notice.id}-bare` })
      .returning('seq')
      .executeTakeFirstOrThrow();
    return seq;
  });
}
