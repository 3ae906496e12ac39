import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimBatch } from '#db/batches.ts';
import { insertDelivery } from '#db/deliveries.ts';
import { insertNotice } from '#db/notices.ts';
import type { Db } from '#db/open.ts';
import { closeCircuit, getProvider } from '#db/providers.ts';
import { suppressAddress } from '#db/suppressions.ts';
import { LEASE_MS } from '#delivery/lease.ts';
import { smtpTransport } from '#delivery/transports/smtp.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { listFanouts, retryRefused } from '#services/deliveries.ts';
import { resumeProvider } from '#services/outbox.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { batches, expandAll, postNotice, rendered, rigEngine, SENDER, states } from './support.ts';

type Verdict = number | 'drop' | null;
type Post = { to: string; parsed: ParsedMail; raw: string };

/** A real SMTP server; what it does with an address is set by each test. */
type Server = {
  url: string;
  taken: Post[];
  /** Every message that came whole, taken or not. */
  seen: Post[];
  /** Sessions that were opened. */
  sessions: number;
  tries: Map<string, number>;
  /** Refuses the recipient with this code, before any of the message is sent. */
  atRecipient: (address: string, tries: number) => number | null;
  atSender: () => number | null;
  /** Answers the whole message with this code; `drop` has the message and cuts the connection. */
  atMessage: (address: string, tries: number) => Verdict | Promise<Verdict>;
  /** What it says after the code; $ is the recipient. */
  words: string;
  close: () => Promise<void>;
};

let server: Server;
const open: (() => Promise<void>)[] = [];
beforeEach(async () => {
  server = await startServer();
  open.push(server.close);
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function posted(
  people: number,
  url = server.url,
  options: Partial<Parameters<typeof smtpTransport>[0]> = {},
  fresh: () => Promise<Db> = freshSqlite,
) {
  const db = await fresh();
  const transport = smtpTransport({ url, sender: SENDER, ...options });
  open.push(db.close, transport.close);
  await makeSubscribers(db, people);
  const rig = await rigEngine(db, transport);
  await postNotice(db, rig.clock.now());
  await expandAll(db, rig.clock.now);
  return { db, ...rig };
}

const people = (mails: readonly Post[]) => mails.map((mail) => mail.to).sort();

it('hands each mail over in a real session, once', async () => {
  const { db, drain } = await posted(45);
  await drain();
  expect(await states(db)).toEqual({ accepted: 45 });
  expect(new Set(people(server.taken)).size).toBe(45);
  expect(server.taken).toHaveLength(45);
  const { parsed, to } = server.taken[0]!;
  expect(parsed.to).toMatchObject({ value: [{ address: to }] });
  expect(parsed.headers.get('list-unsubscribe-post') ?? parsed.headers.get('list')).toBeTruthy();
  expect(parsed.html).toContain('https://status.example.com/unsubscribe/');
  const delivery = await db.read((tx) =>
    tx.selectFrom('deliveries').select('provider_id').limit(1).executeTakeFirst(),
  );
  expect(delivery?.provider_id).toMatch(/^250 /);
});

it('goes through sessions that stay open, no more than are set', async () => {
  const { db, drain } = await posted(45);
  await drain();
  expect(await states(db)).toEqual({ accepted: 45 });
  expect(server.sessions).toBeLessThanOrEqual(2);
});

it('has a Message-ID of the delivery’s own, the same however often it is handed over', async () => {
  server.atMessage = (to, tries) => (to === address(2) && tries < 3 ? 451 : null);
  const { db, drain, clock } = await posted(5);
  for (let n = 0; n < 3; n++) {
    await drain();
    clock.advance(HOUR);
  }
  expect(await states(db)).toEqual({ accepted: 5 });
  const ids = server.seen.map(({ to, parsed }) => [to, parsed.messageId] as const);
  expect(ids.filter(([to]) => to === address(2))).toHaveLength(3);
  // One a person, and a person each.
  expect(new Set(ids.map(([, id]) => id)).size).toBe(5);
  expect(new Set(ids.map(String)).size).toBe(5);
  for (const [, id] of ids) expect(id).toMatch(/^<d\d+\.[0-9a-f]{16}@status\.example\.com>$/);
});

it.each([
  ['two', undefined, 2],
  ['as many as are set', 3, 3],
])('%s mails are in flight at once, whatever waits: what a crash may repeat', async (_, set, wanted) => {
  const { db, drain, engine } = await posted(60, server.url, { connections: set });
  const two = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let inFlight = 0;
  let most = 0;
  server.atMessage = async () => {
    most = Math.max(most, ++inFlight);
    if (inFlight === wanted) two.resolve();
    await release.promise;
    inFlight--;
    return null;
  };
  while (await engine.round());
  expect(engine.inFlight()).toHaveLength(wanted);
  await two.promise;
  release.resolve();
  await drain();
  expect(most).toBe(wanted);
  expect(await states(db)).toEqual({ accepted: 60 });
});

it('4xx: that mail again later, the others at once', async () => {
  server.atRecipient = (to, tries) => (to === address(3) && tries === 1 ? 450 : null);
  server.atMessage = (to, tries) => (to === address(4) && tries === 1 ? 451 : null);
  const { db, drain, clock } = await posted(8);
  await drain();
  expect(await states(db)).toEqual({ accepted: 6, queued: 2 });
  const waiting = await db.read((tx) =>
    tx.selectFrom('deliveries').select(['reason', 'attempts']).where('state', '=', 'queued').execute(),
  );
  expect(waiting.map((row) => row.attempts)).toEqual([1, 1]);
  expect(waiting[0]!.reason).toContain('450');
  await drain();
  expect(server.taken).toHaveLength(6);
  clock.advance(2 * MINUTE);
  await drain();
  expect(await states(db)).toEqual({ accepted: 8 });
  expect(new Set(people(server.taken)).size).toBe(8);
  expect(server.taken).toHaveLength(8);
});

it.each([
  ['421 at the recipient', 421, '4.7.0 Try again later'],
  ['454', 454, '4.7.0 Temporary failure'],
  ['a quota', 451, '4.7.1 Daily quota exceeded'],
  ['a code that says nothing of why', 451, '4.3.0 Not now'],
])(
  '4xx for everyone, %s: all wait for the server, and after a day nobody is given up',
  async (_, code, words) => {
    server.atRecipient = () => code;
    server.words = words;
    const { db, drain, clock } = await posted(30);
    await drain();
    const asked = () => [...server.tries.values()].reduce((sum, tries) => sum + tries, 0);
    expect(asked()).toBeLessThanOrEqual(10);
    for (let hours = 0; hours < 30; hours++) {
      clock.advance(HOUR);
      await drain();
    }
    expect((await states(db)).refused).toBeUndefined();
    expect(await db.read((tx) => getProvider(tx, 'smtp'))).toMatchObject({
      circuit: 'closed',
      blockedReason: expect.stringContaining(words),
    });
    server.atRecipient = () => null;
    for (let hours = 0; hours < 3; hours++) {
      clock.advance(HOUR);
      await drain();
    }
    expect(await states(db)).toEqual({ accepted: 30 });
    expect(new Set(people(server.taken)).size).toBe(30);
  },
);

it('4xx at MAIL FROM is said to everyone: no mail’s try', async () => {
  server.atSender = () => 451;
  const { db, drain, clock } = await posted(2);
  for (let hours = 0; hours < 30; hours++) {
    await drain();
    clock.advance(HOUR);
  }
  expect(await states(db)).toEqual({ in_batch: 2 });
  server.atSender = () => null;
  await drain();
  expect(await states(db)).toEqual({ accepted: 2 });
});

it('a server that takes some and then asks for a pause gets one, and then the rest', async () => {
  let left = 4;
  server.atRecipient = () => (left-- > 0 ? null : 421);
  const { db, drain, clock } = await posted(10, server.url, { connections: 1 });
  await drain();
  expect((await states(db)).accepted).toBe(4);
  clock.advance(29_000);
  await drain();
  expect((await states(db)).accepted).toBe(4);
  left = 100;
  clock.advance(2_000);
  await drain();
  expect(await states(db)).toEqual({ accepted: 10 });
});

it('mailboxes that are full or greylisted hold up nobody', async () => {
  server.atRecipient = (to) => (Number(/\d+/.exec(to)?.[0]) <= 9 ? 450 : null);
  server.words = '4.2.0 <$>: Greylisted';
  const { db, drain } = await posted(20, server.url, { connections: 1 });
  await drain();
  expect(await states(db)).toEqual({ accepted: 11, queued: 9 });
});

it('leaves no faster than SMTP_RATE, whoever sends', async () => {
  const { db, drain, clock, transport } = await posted(30, server.url, { rate: 5, connections: 4 });
  const other = await rigEngine(db, transport, { clock, owner: 'other:2:2' });
  const began = Date.parse(clock.now());
  await Promise.all([drain(), other.drain()]);
  while ((await states(db)).accepted !== 30) {
    clock.advance(50);
    await Promise.all([drain(), other.drain()]);
  }
  const seconds = (Date.parse(clock.now()) - began) / 1000;
  expect(seconds).toBeGreaterThan(5);
  expect(seconds).toBeLessThan(9);
  expect(server.taken).toHaveLength(30);
});

it('4xx for a day: refused, with what the server said', async () => {
  server.atRecipient = () => 451;
  const { db, drain, clock } = await posted(1);
  let hours = 0;
  for (; (await states(db)).refused !== 1 && hours < 100; hours++) {
    await drain();
    clock.advance(HOUR);
  }
  expect(hours).toBeGreaterThan(20);
  expect(hours).toBeLessThan(48);
  const row = await db.read((tx) => tx.selectFrom('deliveries').selectAll().executeTakeFirstOrThrow());
  expect(row.reason).toMatch(/^Given up after 18 tries over a day\. The mail server said: 451 /);
  // Whoever sends it again begins anew: one more "for now" is no reason to give up.
  const ctx = testContext(db, { clock });
  const { noticeId } = (await listFanouts(ctx)).fanouts[0]!;
  expect(await retryRefused(ctx, noticeId)).toEqual({ again: 1, passedOver: 0 });
  await drain();
  expect(await states(db)).toEqual({ queued: 1 });
  clock.advance(2 * MINUTE);
  server.atRecipient = () => null;
  await drain();
  expect(await states(db)).toEqual({ accepted: 1 });
});

it('5xx: refused with the reason, the others go', async () => {
  server.atRecipient = (to) => (to === address(2) ? 550 : null);
  server.atMessage = (to) => (to === address(5) ? 554 : null);
  const { db, drain } = await posted(12);
  await drain();
  expect(await states(db)).toEqual({ accepted: 10, refused: 2 });
  const reasons = await db.read((tx) =>
    tx.selectFrom('deliveries').select('reason').where('state', '=', 'refused').orderBy('seq').execute(),
  );
  expect(reasons.map((row) => row.reason)).toEqual([
    expect.stringMatching(/^The mail server said: 550 /),
    expect.stringMatching(/^The mail server said: 554 /),
  ]);
});

it.each([
  ['relay access denied', '5.7.1 <$>: Relay access denied', 554],
  [
    'a sender that is not accepted, said at each recipient',
    '5.1.8 <status@example.com>: Sender address rejected',
    553,
  ],
])('5xx for everyone, %s: the provider stops with what to do, and nobody is lost', async (_, words, code) => {
  server.atRecipient = () => code;
  server.words = words;
  const { db, drain, clock } = await posted(17);
  await drain();
  const provider = await db.read((tx) => getProvider(tx, 'smtp'));
  expect(provider.circuit).toBe('open');
  expect(provider.circuitReason).toContain(words.slice(-20));
  expect(provider.circuitReason).toContain('MAIL_FROM');
  expect(await states(db)).toEqual({ queued: 17 });
  server.atRecipient = () => null;
  await resumeProvider(testContext(db, { clock }), 'smtp');
  clock.advance(1_000);
  await drain();
  expect(await states(db)).toEqual({ accepted: 17 });
  expect(new Set(people(server.taken)).size).toBe(17);
  expect(server.taken).toHaveLength(17);
});

it('a row of mailboxes that are not there stops nobody; nor does one person who is refused over and over', async () => {
  server.atRecipient = (to) => (Number(/\d+/.exec(to)?.[0]) <= 12 ? 550 : null);
  server.words = '5.1.1 <$>: User unknown';
  const { db, drain, clock } = await posted(20);
  await drain();
  expect(await states(db)).toEqual({ accepted: 8, bounced: 12 });
  server.atRecipient = () => 554;
  server.words = '5.7.1 <$>: We do not like you';
  await db.write((tx) =>
    tx.updateTable('recipients').set({ state: 'unsubscribed' }).where('seq', '<', 20).execute(),
  );
  for (let n = 0; n < 7; n++) await postNotice(db, clock.now());
  await expandAll(db, clock.now);
  await drain();
  expect((await states(db)).refused).toBe(7);
  expect((await db.read((tx) => getProvider(tx, 'smtp'))).circuit).toBe('closed');
});

eachDatabase('a mailbox that the mail server says is not there', (fresh) => {
  const suppressed = (db: Db) =>
    db.read((tx) =>
      tx
        .selectFrom('suppressions')
        .select(['address', 'reason', 'detail'])
        .where('lifted_at', 'is', null)
        .orderBy('address')
        .execute(),
    );
  const house = async () => {
    const house = await posted(3, server.url, {}, fresh);
    const { db, clock, drain } = house;
    const say = async () => {
      await postNotice(db, clock.now());
      await expandAll(db, clock.now);
      await drain();
    };
    return { ...house, say };
  };

  it.each([
    ['550', '5.1.1 <$>: User unknown', 550],
    ['551', '5.1.6 <$>: Moved', 551],
    ['a host that takes no mail', '5.1.10 Recipient address has null MX', 556],
  ])(
    'is not mailed again once that has been so for a day, as when the provider says that it bounced: %s',
    async (_, words, code) => {
      server.atRecipient = (to) => (to === address(2) ? code : null);
      server.words = words;
      const { db, drain, clock, say } = await house();
      await drain();
      expect(await states(db)).toEqual({ accepted: 2, bounced: 1 });
      clock.advance(24 * HOUR - MINUTE);
      await say();
      expect(await states(db)).toEqual({ accepted: 4, bounced: 2 });
      expect(await suppressed(db)).toEqual([]);
      clock.advance(MINUTE);
      await say();
      expect(await suppressed(db)).toEqual([
        {
          address: address(2),
          reason: 'bounce',
          detail: expect.stringContaining(`The mail server said: ${code} ${words.slice(0, 5)}`),
        },
      ]);
      server.atRecipient = () => null;
      await say();
      expect(await states(db)).toEqual({ accepted: 8, bounced: 3, suppressed: 1 });
      expect(people(server.taken)).not.toContain(address(2));
    },
  );

  it('suppresses nobody where the server only lost its list for a while', async () => {
    server.atRecipient = () => 550;
    server.words = '5.1.1 <$>: User unknown';
    const { db, drain, clock, say } = await house();
    await drain();
    clock.advance(HOUR);
    await say();
    expect(await states(db)).toEqual({ bounced: 6 });
    server.atRecipient = () => null;
    clock.advance(HOUR);
    await say();
    server.atRecipient = () => 550;
    clock.advance(48 * HOUR);
    await say();
    expect(await states(db)).toEqual({ accepted: 3, bounced: 9 });
    expect(await suppressed(db)).toEqual([]);
  });

  it.each([
    ['550 alone', 'User unknown', 550],
    ['550 with the code later on', 'no: 5.1.1 is what we would say', 550],
    ['the sender’s address', '5.1.8 Bad sender', 553],
    ['a policy', '5.7.1 <$>: We do not like you', 550],
    ['a full mailbox', '5.2.2 <$>: Full', 552],
    ['a code that only begins so', '5.1.11 <$>: What', 550],
  ])('is not taken for such: %s', async (_, words, code) => {
    server.atRecipient = (to) => (to === address(2) ? code : null);
    server.words = words;
    const { db, drain } = await house();
    await drain();
    expect(await states(db)).toEqual({ accepted: 2, refused: 1 });
    expect(await suppressed(db)).toEqual([]);
  });

  it('is a graver reason than that it could not be reached for a while, so that staff are not called there either', async () => {
    server.atRecipient = (to) => (to === address(2) ? 550 : null);
    server.words = '5.1.1 <$>: User unknown';
    const { db, drain, clock } = await house();
    await drain();
    clock.advance(24 * HOUR);
    await db.write(async (tx) => {
      await suppressAddress(tx, {
        address: address(2),
        reason: 'soft_bounces',
        detail: null,
        now: clock.now(),
      });
      const call = await insertNotice(tx, {
        ...{ id: 'call00000001', kind: 'call', incidentSeq: null, updateSeq: null, priority: 0 },
        rendered: rendered(),
        now: clock.now(),
      });
      const { seq: recipientSeq } = await tx
        .selectFrom('recipients')
        .select('seq')
        .where('address', '=', address(2))
        .executeTakeFirstOrThrow();
      await insertDelivery(tx, { noticeSeq: call, recipientSeq, priority: 0, now: clock.now() });
    });
    await drain();
    expect(await states(db)).toEqual({ accepted: 2, bounced: 2 });
    expect(await suppressed(db)).toMatchObject([{ address: address(2), reason: 'bounce' }]);
  });
});

it('no answer after the message: the same bytes once more, then uncertain, never a third time', async () => {
  server.atMessage = (to) => (to === address(2) ? 'drop' : null);
  const { db, drain, clock } = await posted(4);
  await drain();
  expect(await states(db)).toEqual({ accepted: 3, in_batch: 1 });
  clock.advance(HOUR);
  await drain();
  expect(await states(db)).toEqual({ accepted: 3, uncertain: 1 });
  clock.advance(HOUR);
  await drain();
  const twice = server.taken.filter((mail) => mail.to === address(2));
  expect(twice).toHaveLength(2);
  expect(twice[0]!.raw).toBe(twice[1]!.raw);
  expect(server.taken).toHaveLength(5);
  expect((await batches(db)).every((batch) => batch.state === 'settled')).toBe(true);
});

it('a server that has the message and says nothing: given up, and the same bytes once more', async () => {
  server.atMessage = (to, tries) => (to === address(2) && tries === 1 ? new Promise(() => undefined) : null);
  const { db, drain, clock } = await posted(3, server.url, { timeouts: { socketTimeout: 300 } });
  await drain();
  expect(await states(db)).toEqual({ accepted: 2, in_batch: 1 });
  clock.advance(HOUR);
  await drain();
  expect(await states(db)).toEqual({ accepted: 3 });
  const twice = server.seen.filter((mail) => mail.to === address(2));
  expect(twice.map(({ raw }) => raw)).toEqual([twice[0]?.raw, twice[0]?.raw]);
});

it('no answer once, then an answer: accepted', async () => {
  server.atMessage = (to, tries) => (to === address(1) && tries === 1 ? 'drop' : null);
  const { db, drain, clock } = await posted(2);
  await drain();
  clock.advance(HOUR);
  await drain();
  expect(await states(db)).toEqual({ accepted: 2 });
});

it('a batch that another has taken over: its old holder settles nothing and sends no more of it', async () => {
  const { db, drain, clock } = await posted(5);
  server.atMessage = async () => {
    server.atMessage = () => null;
    clock.advance(LEASE_MS + 1);
    const { seq } = (await batches(db))[0]!;
    await db.write((tx) =>
      claimBatch(tx, seq, {
        now: clock.now(),
        lease: { owner: 'heir:2:2', until: '2099-01-01T00:00:00.000Z' },
      }),
    );
    return null;
  };
  await drain();
  expect(server.taken).toHaveLength(1);
  expect(await states(db)).toEqual({ in_batch: 5 });
  expect((await batches(db))[0]).toMatchObject({ state: 'frozen', lease_owner: 'heir:2:2', fence: 2 });
});

it('a server that is not there: nothing is lost, nothing counts against the mails', async () => {
  await server.close();
  const { db, drain, clock } = await posted(15);
  await drain();
  clock.advance(1_000);
  await drain();
  expect(await states(db)).toEqual({ in_batch: 15 });
  expect((await batches(db)).every((batch) => batch.first_attempt_at === null)).toBe(true);
  const port = Number(new URL(server.url).port);
  const again = await startServer(port);
  open.push(again.close);
  clock.advance(HOUR);
  await drain();
  expect(await states(db)).toEqual({ accepted: 15 });
  expect(again.taken).toHaveLength(15);
});

it('a wrong password opens the circuit and says what to mend', async () => {
  const { db, drain } = await posted(3, server.url.replace('//', '//user:pa55w0rd@'));
  await drain();
  const provider = await db.read((tx) => getProvider(tx, 'smtp'));
  expect(provider.circuit).toBe('open');
  expect(provider.circuitReason).toContain('SMTP_URL');
  expect(JSON.stringify(provider)).not.toContain('pa55w0rd');
  expect(await states(db)).toEqual({ queued: 3 });
});

it('neither a wrong password nor who has left counts as a try of a mail', async () => {
  const { db, drain, clock, engine } = await posted(2, server.url.replace('//', '//user:pa55w0rd@'));
  for (let tries = 0; tries < 20; tries++) {
    await drain();
    expect((await db.read((tx) => getProvider(tx, 'smtp'))).circuit).toBe('open');
    await db.write((tx) => closeCircuit(tx, 'smtp', clock.now()));
  }
  engine.stopClaiming();
  const mended = smtpTransport({ url: server.url, sender: SENDER });
  open.push(mended.close);
  await server.close();
  const rig = await rigEngine(db, mended, { clock, owner: 'mended:1:1' });
  await rig.drain();
  // Frozen while nobody was there, and taken apart because of one in it.
  expect(await states(db)).toEqual({ in_batch: 2 });
  await db.write((tx) =>
    tx.updateTable('recipients').set({ state: 'unsubscribed' }).where('address', '=', address(2)).execute(),
  );
  const again = await startServer(Number(new URL(server.url).port));
  open.push(again.close);
  again.atRecipient = () => 451;
  clock.advance(HOUR);
  await rig.drain();
  const rows = await db.read((tx) =>
    tx.selectFrom('deliveries').select(['state', 'attempts']).orderBy('seq').execute(),
  );
  expect(rows).toEqual([
    { state: 'queued', attempts: 1 },
    { state: 'suppressed', attempts: 0 },
  ]);
});

async function startServer(port = 0): Promise<Server> {
  const smtp = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    closeTimeout: 1,
    onAuth: (_auth, _session, done) => done(new Error('Invalid username or password')),
    onConnect(_session, done) {
      state.sessions++;
      done();
    },
    onMailFrom(_address, _session, done) {
      const code = state.atSender();
      done(code ? answerOf(code) : null);
    },
    onRcptTo({ address: to }, _session, done) {
      state.tries.set(to, (state.tries.get(to) ?? 0) + 1);
      const code = state.atRecipient(to, state.tries.get(to) as number);
      done(code ? answerOf(code, state.words.replace('$', to)) : null);
    },
    async onData(stream, session, done) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      const raw = Buffer.concat(chunks).toString('latin1');
      const to = session.envelope.rcptTo[0]!.address;
      const post = { to, raw, parsed: await simpleParser(raw) };
      state.seen.push(post);
      const verdict = await state.atMessage(to, state.tries.get(to) as number);
      if (typeof verdict === 'number') return done(answerOf(verdict));
      state.taken.push(post);
      if (verdict !== 'drop') return done();
      // The socket of this session, cut without a word.
      for (const connection of smtp.connections as Set<{ id: string; _socket: { destroy: () => void } }>)
        if (connection.id === session.id) connection._socket.destroy();
    },
  });
  smtp.on('error', () => undefined);
  await new Promise<void>((resolve) => smtp.listen(port, '127.0.0.1', resolve));
  const state: Server = {
    url: `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
    taken: [],
    seen: [],
    sessions: 0,
    tries: new Map(),
    atRecipient: () => null,
    atSender: () => null,
    words: '',
    atMessage: () => null,
    close: () => new Promise((resolve) => (smtp.server.listening ? smtp.close(() => resolve()) : resolve())),
  };
  return state;
}

function answerOf(code: number, words = ''): Error {
  return Object.assign(new Error(words || `no, said the server (${code})`), { responseCode: code });
}
