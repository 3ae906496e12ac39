import { Counter, Gauge } from 'prom-client';
import type { Instant } from '#domain/time.ts';
import { msBetween } from '#domain/time.ts';
import { type DeliveryMetrics, readDeliveryMetrics } from '#services/deliveryMetrics.ts';
import type { Foghorn } from '../foghorn.ts';
import { registry } from './metrics.ts';

type Sample = { value: number; labels?: Record<string, string> };
type Opened = Pick<Foghorn, 'db' | 'contextFor'>;
type Read = (metrics: DeliveryMetrics) => readonly Sample[];

const PATIENCE_MS = 2_000;
let asking: Promise<DeliveryMetrics | null> | null = null;

/**
 * Asks the database how sending is and puts that into the registry; however many scrape, it is asked once at a time. What it cannot say
 * has no sample: an old figure would pass for the present one.
 */
export async function collectDeliveries(
  foghorn: Opened | null,
  wait: (ms: number) => Promise<void>,
): Promise<void> {
  asking ??= ask(foghorn, wait).finally(() => {
    asking = null;
  });
  const metrics = await asking;
  readable.set(metrics ? 1 : 0);
  for (const { metric, read } of families) {
    metric.reset();
    const samples = metrics ? read(metrics) : [];
    // `reset` leaves a zero where there are no labels.
    if (!samples.length) metric.remove({});
    for (const { labels = {}, value } of samples) {
      if (metric instanceof Gauge) metric.set(labels, value);
      else metric.inc(labels, value);
    }
  }
  // One of them holds the writer, the others wait for it.
  writerQueue.set(Math.max(0, (foghorn?.db.writing() ?? 0) - 1));
}

async function ask(foghorn: Opened | null, wait: (ms: number) => Promise<void>) {
  if (!foghorn) return null;
  const ctx = foghorn.contextFor({ kind: 'system', name: 'metrics' });
  return Promise.race([readDeliveryMetrics(ctx).catch(() => null), wait(PATIENCE_MS).then(() => null)]);
}

const families: { metric: Gauge | Counter; read: Read }[] = [];

const readable = new Gauge({
  name: 'foghorn_outbox_readable',
  help: '1 when the database told how sending is; 0 when it did not, and then the other foghorn series of sending have no sample.',
  registers: [registry],
});
const writerQueue = new Gauge({
  name: 'foghorn_writer_queue',
  help: 'Writes of this process that wait for the one writer of the database.',
  registers: [registry],
});

const LANES = ['mail', 'hook'] as const;
const one = (value: number | null): Sample[] => (value === null ? [] : [{ value }]);
const flag = (is: boolean) => (is ? 1 : 0);

gauge(
  'foghorn_outbox_waiting',
  'Deliveries that wait for their turn, by lane and priority (-1 calls to staff, 0 SEV1 and confirmations, 1 incidents, 2 maintenance, 3 digests); those of stopped messages do not count.',
  ['lane', 'priority'],
  ({ sending }) =>
    sending.figures.queues.map(({ lane, priority, waiting }) => ({
      labels: { lane, priority: String(priority) },
      value: waiting,
    })),
);
gauge(
  'foghorn_outbox_oldest_unsent_seconds',
  'For how long the oldest delivery that is due has been waiting, by lane and priority, or the oldest message of which none is made yet (lane mail); 0 when none is due.',
  ['lane', 'priority'],
  ({ sending }) =>
    sending.figures.queues.map(({ lane, priority, oldestDue }) => ({
      labels: { lane, priority: String(priority) },
      value: ageOf(oldestDue, sending.now) ?? 0,
    })),
);
gauge(
  'foghorn_outbox_in_batch',
  'Deliveries that are being handed over, by lane: there is no answer yet.',
  ['lane'],
  ({ sending }) => sending.figures.inBatch.map(({ lane, mails }) => ({ labels: { lane }, value: mails })),
);
gauge(
  'foghorn_outbox_in_batch_oldest_seconds',
  'Age of the oldest batch without an outcome, by lane; 0 when there is none.',
  ['lane'],
  ({ sending }) =>
    sending.figures.inBatch.map(({ lane, since }) => ({
      labels: { lane },
      value: ageOf(since, sending.now) ?? 0,
    })),
);
gauge(
  'foghorn_outbox_pace_per_second',
  'Deliveries handed over per second, as the last minute went, by lane.',
  ['lane'],
  ({ sending }) => LANES.map((lane) => ({ labels: { lane }, value: (sending.lanes[lane].pace ?? 0) / 60 })),
);
gauge(
  'foghorn_outbox_finish_seconds',
  'Until all that waits has left at the present pace, by lane; no sample while nothing moves.',
  ['lane'],
  ({ finishSeconds }) =>
    LANES.flatMap((lane) => one(finishSeconds[lane]).map((sample) => ({ ...sample, labels: { lane } }))),
);
gauge(
  'foghorn_outbox_unmade',
  'People of messages that are being made ready for whom there is no delivery yet.',
  [],
  ({ unmade }) => one(unmade),
);
gauge(
  'foghorn_outbox_messages',
  'Messages that are being made ready (expanding) or that someone has stopped.',
  ['state'],
  ({ sending }) => [
    { labels: { state: 'expanding' }, value: sending.figures.expanding },
    { labels: { state: 'stopped' }, value: sending.figures.stopped },
  ],
);
gauge(
  'foghorn_outbox_batches_held',
  'Batches that the provider says contradict what it has: they need someone.',
  [],
  ({ sending }) => one(sending.figures.held),
);
gauge(
  'foghorn_outbox_undecided',
  'Deliveries that may or may not have arrived and about which nobody has decided.',
  [],
  ({ sending }) => one(sending.figures.undecided),
);
gauge(
  'foghorn_deliveries',
  'Deliveries of messages that are not through or were posted in the last 24 hours, by state and priority.',
  ['state', 'priority'],
  ({ deliveries }) =>
    deliveries.map(({ state, priority, count }) => ({
      labels: { state, priority: String(priority) },
      value: count,
    })),
);
gauge('foghorn_workers_alive', 'Dispatchers whose heartbeat is fresh, by lane.', ['lane'], ({ sending }) =>
  LANES.map((lane) => ({
    labels: { lane },
    value: sending.workers.filter((worker) => worker.lane === lane && worker.alive).length,
  })),
);
gauge(
  'foghorn_worker_heartbeat_age_seconds',
  'Age of the newest heartbeat of a dispatcher, by lane; no sample when there never was one.',
  ['lane'],
  ({ sending }) =>
    LANES.flatMap((lane) => {
      const beats = sending.workers.filter((worker) => worker.lane === lane).map(({ beatAt }) => beatAt);
      return one(ageOf(beats.sort().at(-1) ?? null, sending.now)).map((sample) => ({
        ...sample,
        labels: { lane },
      }));
    }),
);
gauge(
  'foghorn_clock_last_tick_seconds',
  'Seconds since the clock last ticked, in whichever process: calls to staff hang on it. No sample when it never did.',
  [],
  ({ clock, sending }) => one(ageOf(clock.lastTick, sending.now)),
);
gauge(
  'foghorn_clock_undone',
  'What is done because time passes and no process has got done for a minute, such as calls to staff: 1 each, by duty.',
  ['duty'],
  ({ clock }) => clock.undone.map((duty) => ({ labels: { duty }, value: 1 })),
);
ofProviders(
  'foghorn_provider_circuit_open',
  '1 while nothing is sent through it until someone acts.',
  ({ circuit }) => flag(circuit === 'open'),
);
ofProviders('foghorn_provider_paused', '1 while someone has paused it.', ({ pausedAt }) =>
  flag(pausedAt !== null),
);
ofProviders(
  'foghorn_provider_blocked_seconds',
  'For how long it is not called because it asked for that, or gave no answers.',
  ({ blockedUntil }, now) => Math.max(0, blockedUntil ? msBetween(now, blockedUntil) / 1000 : 0),
);
ofProviders('foghorn_provider_failures', 'Calls in a row that had no answer.', ({ failures }) => failures);
ofProviders(
  'foghorn_provider_allowed_calls_per_second',
  'Calls that it allows per second; no sample while that is not known.',
  ({ rate }) => (rate ? rate.limit / (rate.windowMs / 1000) : null),
);
for (const [name, help, of] of [
  [
    'foghorn_provider_quota_limit',
    'Mails that its account may send in the period, as far as it says.',
    'limit',
  ],
  ['foghorn_provider_quota_used', 'Mails of the period that are used up, as far as it says.', 'used'],
] as const)
  gauge(name, help, ['provider', 'period'], ({ sending }) =>
    sending.providers.flatMap(({ id, quotas }) =>
      quotas.flatMap((quota) =>
        one(quota[of]).map((sample) => ({ ...sample, labels: { provider: id, period: quota.period } })),
      ),
    ),
  );
gauge('foghorn_suppressions', 'Addresses that are not mailed, by why.', ['reason'], ({ suppressions }) =>
  suppressions.map(({ reason, count }) => ({ labels: { reason }, value: count })),
);
counter('foghorn_receipts_total', 'Receipts that came in, repeats perhaps counted.', ({ receipts }) =>
  one(receipts.stored),
);
gauge(
  'foghorn_receipts_waiting',
  'Receipts that wait to be applied, or for a delivery that is not known yet.',
  [],
  ({ receipts }) => one(receipts.waiting),
);
gauge(
  'foghorn_receipts_oldest_waiting_seconds',
  'For how long the oldest of them has been waiting; 0 when none is.',
  [],
  ({ receipts, sending }) => one(ageOf(receipts.oldestWaiting, sending.now) ?? 0),
);
gauge(
  'foghorn_receipts_last_age_seconds',
  'How long ago the last receipt came; no sample when none ever did.',
  [],
  ({ receipts, sending }) => one(ageOf(receipts.lastAt, sending.now)),
);

function gauge(name: string, help: string, labelNames: readonly string[], read: Read): void {
  families.push({ metric: new Gauge({ name, help, labelNames, registers: [registry] }), read });
}

function counter(name: string, help: string, read: Read): void {
  families.push({ metric: new Counter({ name, help, registers: [registry] }), read });
}

/** A figure of each way out that is in use; null where it is not known. */
function ofProviders(
  name: string,
  help: string,
  read: (provider: DeliveryMetrics['sending']['providers'][number], now: Instant) => number | null,
): void {
  gauge(name, help, ['provider'], ({ sending }) =>
    sending.providers.flatMap((provider) =>
      one(read(provider, sending.now)).map((sample) => ({ ...sample, labels: { provider: provider.id } })),
    ),
  );
}

/** A clock that was set back makes nothing younger than new. */
function ageOf(at: Instant | null, now: Instant): number | null {
  return at === null ? null : Math.max(0, msBetween(at, now) / 1000);
}
