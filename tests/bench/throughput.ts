import { Resend } from 'resend';
import type { Db } from '#db/open.ts';
import { startDispatcher } from '#delivery/dispatcher.ts';
import type { Transport } from '#delivery/transport.ts';
import { postBatch, resendTransport } from '#delivery/transports/resend.ts';
import { MARK, postNotice, rendered, SENDER, SITE } from '../delivery/support.ts';
import { testContext } from '../support/context.ts';
import { freshSqlite } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { type Figure, quantile } from './bars.ts';
import { rest, type Sink, startSink } from './sink.ts';

const ROUNDS = 7;
const PEOPLE = 10_000;
/** Different bodies that the bare loop sends; it needs no more, the sink reads them all the same. */
const BODIES = 10;
const CALLS_AT_A_TIME = 12;

/**
 * Mails a second against a sink without a limit, beside a bare loop that posts the same bytes with the same client, as many calls at a
 * time. They take turns, so that what else the machine does falls on both; the middle round counts.
 */
export async function measureThroughput(): Promise<Figure[]> {
  const sink = await startSink();
  const db = await freshSqlite();
  const bodies: Buffer[] = [];
  const transport = resendTransport({ apiKey: 're_test', baseUrl: sink.url, sender: SENDER, mark: MARK });
  const counted = counting(bodies, transport.send);
  const dispatcher = startDispatcher(depsOf(db, { ...transport, send: counted.send }));
  await makeSubscribers(db, PEOPLE);
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const ours = await fanOut(db, () => counted.until((round + 1) * PEOPLE), dispatcher.wake);
    const bare = await postAll(sink, bodies, round);
    // The first warms both up.
    if (!round) continue;
    ratios.push(bare / ours);
    rates.push((PEOPLE / ours) * 1000);
  }
  await dispatcher.stop();
  await db.close();
  const taken = await sink.taken();
  sink.stop();
  if (taken !== 2 * (ROUNDS + 1) * PEOPLE) throw new Error(`The sink took ${taken} mails.`);
  return [
    {
      name: '(b) mails a second, beside a bare loop with the same client',
      value: quantile(ratios, 0.5),
      unit: 'ratio',
      bar: { least: 0.65 },
    },
    { name: '(b) mails a second', value: quantile(rates, 0.5), unit: '/s', bar: null },
  ];
}

/** @returns milliseconds from the post until everything is settled */
async function fanOut(db: Db, accepted: () => Promise<void>, wake: () => void): Promise<number> {
  const begun = performance.now();
  await postNotice(db, new Date().toISOString(), { mail: rendered('[Investigating] Checkout', 14_000) });
  wake();
  await accepted();
  while (await isUnsettled(db)) await rest(1);
  return performance.now() - begun;
}

async function isUnsettled(db: Db): Promise<boolean> {
  const open = await db.read((tx) =>
    tx.selectFrom('batches').select('seq').where('settled_at', 'is', null).limit(1).executeTakeFirst(),
  );
  return open !== undefined;
}

/** @returns milliseconds for as many mails */
async function postAll(sink: Sink, bodies: readonly Buffer[], round: number): Promise<number> {
  const resend = new Resend('re_test', { baseUrl: sink.url });
  const calls = PEOPLE / 100;
  let next = 0;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: CALLS_AT_A_TIME }, async () => {
      while (next < calls) {
        const batch = { key: `bare/${round}/${next}`, body: bodies[next++ % bodies.length] as Buffer };
        const { error } = await postBatch(resend, batch, 15_000);
        if (error) throw new Error(JSON.stringify(error));
      }
    }),
  );
  return performance.now() - begun;
}

/** Counts what is accepted, without asking the sink, which is at work; and keeps some bodies for the bare loop. */
function counting(bodies: Buffer[], send: Transport['send']) {
  let accepted = 0;
  let reached = () => {};
  return {
    send: async (...[batch, call]: Parameters<Transport['send']>) => {
      const { length } = batch.members;
      if (bodies.length < BODIES && length === 100) bodies.push(Buffer.from(batch.body));
      const outcome = await send(batch, call);
      if (outcome.kind === 'accepted') accepted += length;
      reached();
      return outcome;
    },
    until: (mails: number) =>
      new Promise<void>((resolve) => {
        reached = () => accepted >= mails && resolve();
        reached();
      }),
  };
}

export function depsOf(db: Db, transport: Transport): Parameters<typeof startDispatcher>[0] {
  const ctx = testContext(db);
  return {
    db,
    now: () => new Date().toISOString(),
    sign: ctx.sign,
    site: { url: SITE },
    log: ctx.log,
    config: {} as Parameters<typeof startDispatcher>[0]['config'],
    transport,
  };
}
