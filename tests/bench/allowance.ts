import { startDispatcher } from '#delivery/dispatcher.ts';
import { resendTransport } from '#delivery/transports/resend.ts';
import { MARK, postNotice, rendered, SENDER } from '../delivery/support.ts';
import { freshSqlite } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { type Figure, quantile } from './bars.ts';
import { diskFigures, watchDisk } from './disk.ts';
import { rest, startSink } from './sink.ts';
import { depsOf } from './throughput.ts';

const RATE = 5;
const SECONDS = 30;

const ROUNDS = 3;

/**
 * How much of what a provider allows is used, from its first word on: a sink that takes 5 calls in any second, by a sliding window over
 * what arrives, and answers 429 to any other. Of some rounds the middle one, and all answers of 429.
 */
export async function measureAllowance(latencyMs: number): Promise<Figure[]> {
  const at = `against ${RATE} calls a second, ${latencyMs} ms each`;
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const one = await spendAllowance(latencyMs);
    console.log(
      `(c) ${latencyMs} ms each, round ${round + 1}: ${one.used.toFixed(3)}, refused ${one.refused}`,
    );
    rounds.push(one);
  }
  return [
    {
      name: `(c) share of the allowance used, ${at}`,
      value: quantile(
        rounds.map(({ used }) => used),
        0.5,
      ),
      unit: 'share',
      bar: { least: 0.98 },
    },
    {
      name: `(c) answers of 429, ${at}`,
      value: rounds.reduce((sum, { refused }) => sum + refused, 0),
      unit: '',
      bar: { most: 0 },
    },
    ...diskFigures(
      `(c) ${latencyMs} ms each:`,
      rounds.flatMap(({ disk }) => disk),
    ),
  ];
}

/** `used`: a share; `disk`: what a page took there, in milliseconds. */
type Round = { used: number; refused: number; disk: number[] };

async function spendAllowance(latencyMs: number): Promise<Round> {
  const sink = await startSink({ ratePerSecond: RATE, latencyMs });
  const db = await freshSqlite();
  await makeSubscribers(db, RATE * (SECONDS + 10) * 100);
  const transport = resendTransport({ apiKey: 're_test', baseUrl: sink.url, sender: SENDER, mark: MARK });
  const dispatcher = startDispatcher(depsOf(db, transport));
  await postNotice(db, new Date().toISOString(), { mail: rendered('[Investigating] Checkout', 14_000) });
  dispatcher.wake();
  const disk = await watchDisk();
  await rest((SECONDS + 4) * 1000);
  const calls = await sink.calls();
  const waits = await disk.stop();
  await dispatcher.stop();
  await db.close();
  sink.stop();
  const since = (calls[0]?.at ?? 0) + 2_000;
  const used = calls.filter(
    (call) => call.status === 200 && call.at >= since && call.at < since + SECONDS * 1000,
  );
  return {
    used: used.length / (RATE * SECONDS),
    refused: calls.filter((call) => call.status === 429).length,
    disk: waits,
  };
}
