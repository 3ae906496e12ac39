import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import { migrate } from '#db/migrate.ts';
import { openDatabase } from '#db/open.ts';
import { createComponent } from '#services/components.ts';
import { declareIncident } from '#services/incidents.ts';
import { testContext } from '../support/context.ts';
import { makePage } from '../support/factory.ts';
import { startFakeResend } from '../support/fakeResend.ts';
import { ask } from '../support/http.ts';
import { makeSubscribers } from '../support/people.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectOnce } from './people.ts';
import { until } from './processes.ts';
import { count, PATIENCE } from './size.ts';
import { smallDisk } from './smallDisk.ts';

/** SQLite only: the disk of a PostgreSQL server is not ours to fill. */
const PEOPLE = count('CHAOS_PEOPLE', { quick: 3_000, full: 20_000 });
const PASSWORD = 'river-lantern-42-moss';
const TITLE = 'Checkout is failing';

it(
  'a disk that is full in the middle of a fan-out: the page stays up, what cannot be kept is not promised, and once there is space everyone gets each mail once',
  PATIENCE,
  async () => {
    const disk = await smallDisk();
    onTestFinished(disk.close);
    const fake = await startFakeResend({ latencyMs: 150, forgetful: true });
    onTestFinished(fake.close);
    const scratch = mkdtempSync(join(tmpdir(), 'foghorn-full-'));
    onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));

    const before = join(scratch, 'before.db');
    const { people, incidentId } = await prepare(before);
    copyFileSync(before, join(disk.outside, 'foghorn.db'));
    const env = { MAIL_TRANSPORT: 'resend', RESEND_API_KEY: 're_test', RESEND_BASE_URL: fake.url };
    const start = (ready: 'ready' | 'listening') =>
      startServer({ dataDir: disk.inside, through: [...disk.through], env, until: ready });
    let server = await start('ready');
    onTestFinished(() => server.kill());
    let cookie = await signIn(server);
    const say = async (words: string, status: string, audience = 'public') => {
      const path = `/admin/incidents/${incidentId}`;
      const form = (await ask(server.url, path, { headers: { cookie } })).body;
      const version = /name="version" value="(\d+)"/.exec(form)?.[1] ?? '';
      return post(server, path, { do: 'post', version, audience, status, body: words }, cookie);
    };
    const expectPage = async (words: string) => {
      const page = await ask(server.url);
      expect(page.status).toBe(200);
      expect(page.body).toContain(words);
    };

    expect((await say('Some cards are refused.', 'investigating')).status).toBe(303);
    await expectPage('Some cards are refused.');
    await until(() => fake.taken >= PEOPLE / 4);
    disk.fill(server.pid);
    await server.logged(/could not reach its database/);
    // The log of the database may have room for a few more: what is answered with success is there in the end, and nothing else.
    let notes = 0;
    let refused = await say('Note 0.', 'investigating', 'internal');
    for (; refused.status === 303 && notes < 500; )
      refused = await say(`Note ${++notes}.`, 'investigating', 'internal');
    expect(refused.status, refused.body).toBeGreaterThanOrEqual(500);
    expect(refused.body).not.toMatch(/SQLITE|\n\s+at /);
    for (let look = 0; look < 20; look++) await expectPage('Some cards are refused.');

    // Nor does it help to start anew: it comes up with its last good page, and waits.
    await server.kill();
    server = await start('listening');
    await expectPage('Some cards are refused.');
    expect(fake.taken).toBeLessThan(PEOPLE);

    await wait(100);
    disk.free(server.pid);
    await server.logged(/"msg":"ready"/);
    await until(() => fake.taken >= PEOPLE);
    cookie = await signIn(server);
    const again = await say('It is the payment provider.', 'identified');
    expect(again.status, again.body).toBe(303);
    await expectPage('It is the payment provider.');
    await until(() => fake.taken >= 2 * PEOPLE);
    expect(await server.stop()).toBe(0);

    cpSync(disk.outside, join(scratch, 'after'), {
      recursive: true,
      filter: (source) => !source.endsWith('last-good'),
    });
    expect(existsSync(join(scratch, 'after/ballast'))).toBe(false);
    const db = await openDatabase(`sqlite:${join(scratch, 'after/foghorn.db')}`);
    onTestFinished(db.close);
    const kept = await db.read((tx) =>
      tx.selectFrom('updates').select('body').where('body', 'like', 'Note %').orderBy('seq').execute(),
    );
    expect(kept.map(({ body }) => body)).toEqual(Array.from({ length: notes }, (_, nth) => `Note ${nth}.`));
    await expectOnce(db, fake, { people, subjects: [`[Investigating] ${TITLE}`, `[Identified] ${TITLE}`] });
    console.log(
      `chaos: the disk full (${disk.way}) in a fan-out to ${PEOPLE} people, and a start while it was: lost 0, doubled 0`,
    );
  },
);

async function prepare(file: string): Promise<{ people: string[]; incidentId: string }> {
  const db = await openDatabase(`sqlite:${file}`);
  const now = new Date().toISOString();
  await migrate(db, now);
  await makePage(db, { updated_at: now });
  const ctx = { ...testContext(db), now: () => new Date().toISOString() };
  const system = { ...ctx, actor: { kind: 'system' as const, name: 'test' } };
  await createUser(system, { email: 'comms@example.com', name: 'Jonas', role: 'comms', password: PASSWORD });
  const checkout = await createComponent(system, { name: 'Checkout' });
  const people = await makeSubscribers(db, PEOPLE);
  const { id } = await declareIncident(ctx, {
    title: TITLE,
    severity: 'SEV1',
    components: [{ id: checkout.id, status: 'major_outage' }],
  });
  await db.close();
  return { people, incidentId: id };
}

async function signIn(server: TestServer): Promise<string> {
  const signedIn = await post(server, '/admin/login', { email: 'comms@example.com', password: PASSWORD }, '');
  expect(signedIn.status, signedIn.body).toBe(303);
  return [signedIn.headers['set-cookie'] ?? []]
    .flat()
    .map((one) => one.split(';')[0])
    .join('; ');
}

function post(server: TestServer, path: string, fields: Record<string, string>, cookie: string) {
  return ask(server.url, path, {
    method: 'POST',
    headers: { origin: server.url, 'content-type': 'application/x-www-form-urlencoded', cookie },
    body: new URLSearchParams(fields).toString(),
  });
}
