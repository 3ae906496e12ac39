import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import { readConfig } from '#config';
import { type Db, openDatabase } from '#db/open.ts';
import { startDispatcher } from '#delivery/dispatcher.ts';
import { createComponent } from '#services/components.ts';
import { declareIncident, postUpdate } from '#services/incidents.ts';
import { getStatusPage } from '#services/publicPage.ts';
import { seededRandom } from './support/chance.ts';
import { testContext } from './support/context.ts';
import { eachDatabase } from './support/databases.ts';
import { makePage } from './support/factory.ts';
import { type FakeResend, isStaffCall, startFakeResend } from './support/fakeResend.ts';
import { type Answered, ask } from './support/http.ts';
import { makeSubscribers } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';

const PEOPLE = 10_000;
const PASSWORD = 'river-lantern-42-moss';

/** The main job: one posted update reaches a fresh page and a mailed crowd, each person exactly once. */
describe('through the built server, as a browser does it', () => {
  let server: TestServer;
  let resend: FakeResend;
  /** Mails to subscribers; staff are called about the declaration as well. */
  const taken = () => resend.mails.filter((mail) => !isStaffCall(mail)).length;
  let cookie = '';
  afterAll(async () => {
    await server?.stop();
    await resend?.close();
  });

  const send = (path: string, fields: Record<string, string>): Promise<Answered> =>
    ask(server.url, path, {
      method: 'POST',
      headers: { origin: server.url, 'content-type': 'application/x-www-form-urlencoded', cookie },
      body: new URLSearchParams(fields).toString(),
    });
  const form = async (path: string) => {
    const { body } = await ask(server.url, path, { headers: { cookie } });
    return { version: /name="version" value="(\d+)"/.exec(body)?.[1] ?? '', body };
  };

  it('declares, publishes and updates; the page is fresh on the next request; 10,000 people get each mail once, though the server is killed', async () => {
    resend = await startFakeResend();
    const folder = mkdtempSync(join(tmpdir(), 'foghorn-main-'));
    const start = (dataDir?: string) =>
      startServer({
        dataDir,
        env: {
          MAIL_TRANSPORT: 'resend',
          RESEND_API_KEY: 're_test',
          RESEND_BASE_URL: resend.url,
          DATABASE_URL: `sqlite:${folder}/foghorn.db`,
        },
      });
    server = await start(folder);
    const db = await openDatabase(`sqlite:${folder}/foghorn.db`);
    const ctx = testContext(db, { actor: { kind: 'system', name: 'test' } });
    await createUser(ctx, { email: 'comms@example.com', name: 'Jonas', role: 'comms', password: PASSWORD });
    const checkout = await createComponent(ctx, { name: 'Checkout' });
    const people = await makeSubscribers(db, PEOPLE);

    const signedIn = await send('/admin/login', { email: 'comms@example.com', password: PASSWORD });
    expect(signedIn.status).toBe(303);
    cookie = [signedIn.headers['set-cookie'] ?? []]
      .flat()
      .map((one) => one.split(';')[0])
      .join('; ');

    const declared = await send('/admin/incidents/new', {
      do: 'declare',
      title: 'Checkout is failing for some customers',
      severity: 'SEV1',
      [`component:${checkout.id}`]: 'major_outage',
    });
    expect(declared.status, declared.body).toBe(303);
    const path = new URL(declared.headers.location as string, server.url).pathname;
    expect((await ask(server.url, '/')).body).not.toContain('Checkout is failing');

    const posted = async (body: string, status = 'investigating') => {
      const { version } = await form(path);
      const answer = await send(path, { do: 'post', version, audience: 'public', status, body });
      expect(answer.status, answer.body).toBe(303);
    };
    const since = Date.now();
    await posted('Some customers see an error when they pay by card.');
    expect((await ask(server.url, '/')).body).toContain('Some customers see an error when they pay by card.');
    await until(() => taken() > 0);
    const first = resend.calls.find((call) => !isStaffCall(call));
    console.info(`first mail taken ${(first?.at ?? 0) - since} ms after the post was sent`);
    await until(() => taken() >= PEOPLE);

    await posted('A payment provider is rejecting card payments.', 'identified');
    // The answer was success, so nothing that happens now may lose it.
    await server.kill();
    server = await start(folder);
    expect((await ask(server.url, '/')).body).toContain('A payment provider is rejecting card payments.');
    await until(() => taken() >= 2 * PEOPLE);
    await idle(db);

    const subjects = ['[Investigating]', '[Identified]'];
    for (const address of people)
      for (const subject of subjects)
        expect(
          resend.counts.get(`${address} ${subject} Checkout is failing for some customers`),
          address,
        ).toBe(1);
    expect(taken()).toBe(2 * PEOPLE);
    for (const subject of subjects) {
      const own = resend.mails.filter((mail) => mail.subject.startsWith(subject));
      expect(new Set(own.map(({ headers }) => headers['List-Unsubscribe'])).size).toBe(PEOPLE);
    }
    await db.close();
  });
});

eachDatabase('from the post to ten thousand mails', (fresh) => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  it('the page says it at once, everyone is mailed once, rate limits and lost answers included', async () => {
    const db = await fresh();
    await makePage(db);
    const people = await makeSubscribers(db, PEOPLE);
    const resend = await startFakeResend({ ratePerSecond: 40, lostAnswers: 0.05, random: seededRandom(7) });
    const ctx = { ...testContext(db), now: () => new Date().toISOString() };
    const config = readConfig({
      MAIL_TRANSPORT: 'resend',
      RESEND_API_KEY: 're_test',
      RESEND_BASE_URL: resend.url,
      SECRET_KEY: 'x'.repeat(32),
    });
    const dispatcher = startDispatcher({ ...ctx, config, random: seededRandom(11) });
    ends.push(
      () => dispatcher.stop(),
      () => resend.close(),
    );

    const { id } = await declareIncident(ctx, {
      title: 'Checkout is failing',
      severity: 'SEV1',
      components: [],
    });
    const { told } = await postUpdate(ctx, {
      incidentId: id,
      version: 1,
      audience: 'public',
      status: 'investigating',
      body: 'We are looking into it.',
      components: [],
      notify: true,
    });
    expect(told).toBe(PEOPLE);
    dispatcher.wake();
    expect((await getStatusPage(ctx)).incidents[0]?.updates[0]?.body).toBe('We are looking into it.');
    await until(() => resend.taken >= PEOPLE);
    await idle(db);
    expect(resend.taken).toBe(PEOPLE);
    for (const address of people)
      expect(resend.counts.get(`${address} [Investigating] Checkout is failing`), address).toBe(1);
  });
});

/** Waits for a sign, however long it takes; only a runaway is stopped, by the runner. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Everyone is accounted for: nothing waits, nothing is on its way. */
async function idle(db: Db): Promise<void> {
  await until(async () => {
    const open = await db.read((tx) =>
      tx
        .selectFrom('deliveries')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('state', 'in', ['queued', 'in_batch'])
        .executeTakeFirstOrThrow(),
    );
    return Number(open.count) === 0;
  });
}
