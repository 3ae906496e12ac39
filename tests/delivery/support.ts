import { setImmediate as breathe } from 'node:timers/promises';
import type { ClaimedBatch } from '#db/batches.ts';
import { type FanoutFilter, insertFanout } from '#db/fanouts.ts';
import { insertNotice, type NoticeKind } from '#db/notices.ts';
import type { Db } from '#db/open.ts';
import { closeCircuit } from '#db/providers.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { createEngine, type Engine } from '#delivery/round.ts';
import type { Transport } from '#delivery/transport.ts';
import { resendTransport } from '#delivery/transports/resend.ts';
import type { DeliveryState } from '#domain/deliveries.ts';
import { type TestClock, testClock, testContext } from '../support/context.ts';
import type { FakeResend } from '../support/fakeResend.ts';

export const SITE = 'https://status.example.com';
export const SENDER = {
  from: { name: 'Harbour status', address: 'status@example.com' },
  replyTo: null,
  siteUrl: SITE,
};

/** A rendered message with slots in both bodies, about as large as a real one when `size` says so. */
export function rendered(subject = '[Investigating] Checkout', size = 0) {
  const filler = '<p style="margin:0">Checkout is failing for "some" customers &amp; we look into it.</p>\n';
  return {
    subject,
    html: `<h1>Checkout ü</h1>${filler.repeat(Math.ceil(size / filler.length))}<a href="\u0002unsubscribe_url\u0003">Unsubscribe</a><a href="\u0002manage_url\u0003">Manage</a>`,
    text: `Checkout is failing.\n\nUnsubscribe:\n\u0002unsubscribe_url\u0003\n`,
    headers: { 'List-ID': '<status.example.com>', References: '<incident-1@status.example.com>' },
  };
}

/** What the mails of these tests are marked with. */
export const MARK = 'our-mark';

let notices = 0;

/** A notice and its fan-out to everyone, as a post makes them. */
export async function postNotice(
  db: Db,
  now: string,
  options: {
    priority?: number;
    filter?: FanoutFilter;
    kind?: NoticeKind;
    mail?: ReturnType<typeof rendered>;
  } = {},
): Promise<number> {
  return db.write(async (tx) => {
    const noticeSeq = await insertNotice(tx, {
      id: `notice${++notices}`,
      kind: options.kind ?? 'update',
      incidentSeq: null,
      updateSeq: null,
      priority: options.priority ?? 1,
      rendered: options.mail ?? rendered(),
      now,
    });
    await insertFanout(tx, {
      noticeSeq,
      filter: options.filter ?? { components: [], groups: [] },
      expected: 0,
      now,
    });
    return noticeSeq;
  });
}

export async function expandAll(db: Db, now: () => string): Promise<void> {
  while (await expandNextChunk({ db, now }));
}

export type Rig = {
  clock: TestClock;
  engine: Engine;
  transport: Transport;
  /** What was logged, by level. */
  logged: { level: string; message: string; fields: Record<string, unknown> }[];
  /** Turns the engine until nothing is in flight, nothing waits to be written, and nothing is due. */
  drain: () => Promise<void>;
  /** Waits until every call that has begun is over, without a turn. */
  answered: () => Promise<void>;
};

export function fakeTransport(fake: FakeResend, timeoutMs?: number): Transport {
  return resendTransport({ apiKey: 're_test', baseUrl: fake.url, sender: SENDER, mark: MARK, timeoutMs });
}

/** An engine over the database, turned by hand. */
export async function rigEngine(
  db: Db,
  transport: Transport,
  options: { clock?: TestClock; owner?: string; random?: () => number } = {},
): Promise<Rig> {
  const clock = options.clock ?? testClock();
  const logged: Rig['logged'] = [];
  let wake = () => {};
  let calling = 0;
  let rung = false;
  const log = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, message, fields: fields as Record<string, unknown> });
  // The engine's own, so that a test that changes it changes what is used.
  const watched: Transport = {
    ...transport,
    send: async (batch, call) => {
      calling++;
      return transport.send(batch, call).finally(() => calling--);
    },
  };
  const engine = createEngine({
    db,
    now: clock.now,
    random: options.random ?? (() => 0.5),
    sign: testContext(db).sign,
    site: { url: SITE },
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    transport: watched,
    owner: options.owner ?? 'here:1:1',
    onResult: () => {
      rung = true;
      wake();
    },
    // The clock stands still but for those who wait for it.
    waitUntil: async (ms) => {
      if (ms > Date.parse(clock.now())) clock.set(new Date(ms).toISOString());
    },
  });
  await db.write((tx) => closeCircuit(tx, transport.name, clock.now()));
  const drain = async () => {
    for (;;) {
      while (await engine.round());
      if (!engine.inFlight().length && !engine.hasResults()) return;
      await untilRung();
    }
  };
  const answered = async () => {
    do await breathe();
    while (calling);
  };
  const untilRung = async () => {
    if (!rung)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    rung = false;
  };
  return { clock, engine, transport: watched, logged, drain, answered };
}

/** How many deliveries are in each state. */
export async function states(db: Db): Promise<Partial<Record<DeliveryState, number>>> {
  const rows = await db.read((tx) =>
    tx
      .selectFrom('deliveries')
      .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
      .groupBy('state')
      .execute(),
  );
  return Object.fromEntries(rows.map((row) => [row.state, Number(row.count)]));
}

export function batches(db: Db) {
  return db.read((tx) => tx.selectFrom('batches').selectAll().orderBy('seq').execute());
}

export type { ClaimedBatch };
