import { startDispatcher } from '#delivery/dispatcher.ts';
import { resendTransport } from '#delivery/transports/resend.ts';
import { MARK, postNotice, rendered, SENDER } from '../delivery/support.ts';
import { freshSqlite } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import type { Figure } from './bars.ts';
import { rest, startSink } from './sink.ts';
import { depsOf } from './throughput.ts';

const RATE = 5;
const SECONDS = 30;

/**
 * How much of what a provider allows is used, from its first word on: a sink that takes 5 calls in any second, by a sliding window over
 * what arrives, and answers 429 to any other.
 */
export async function measureAllowance(latencyMs: number): Promise<Figure[]> {
  const sink = await startSink({ ratePerSecond: RATE, latencyMs });
  const db = await freshSqlite();
  await makeSubscribers(db, RATE * (SECONDS + 10) * 100);
  const transport = resendTransport({ apiKey: 're_test', baseUrl: sink.url, sender: SENDER, mark: MARK });
  const dispatcher = startDispatcher(depsOf(db, transport));
  await postNotice(db, new Date().toISOString(), { mail: rendered('[Investigating] Checkout', 14_000) });
  dispatcher.wake();
  await rest((SECONDS + 4) * 1000);
  const calls = await sink.calls();
  await dispatcher.stop();
  await db.close();
  sink.stop();
  const since = (calls[0]?.at ?? 0) + 2_000;
  const used = calls.filter(
    (call) => call.status === 200 && call.at >= since && call.at < since + SECONDS * 1000,
  );
  const at = `against ${RATE} calls a second, ${latencyMs} ms each`;
  return [
    {
      name: `(c) share of the allowance used, ${at}`,
      value: used.length / (RATE * SECONDS),
      unit: 'share',
      bar: { least: 0.98 },
    },
    {
      name: `(c) answers of 429, ${at}`,
      value: calls.filter((call) => call.status === 429).length,
      unit: '',
      bar: { most: 0 },
    },
  ];
}
