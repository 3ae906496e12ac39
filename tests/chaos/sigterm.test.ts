import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { batches, postNotice, rendered, states } from '../delivery/support.ts';
import { ROOT } from '../support/build.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { expectOnce, isWorkLeft } from './people.ts';
import { endAll, type Process, startProcess, until } from './processes.ts';
import { chance, count, PATIENCE, SEED } from './size.ts';
import { badWeather } from './weather.ts';

/** The product's own worker (`foghorn worker`), told to stop while it is in the middle of something. */
const STOPS = count('CHAOS_STOPS', { quick: 3, full: 40 });
const PEOPLE = count('CHAOS_PEOPLE', { quick: 3_000, full: 20_000 });
const IN_FLIGHT = 4;
const BATCH = 100;

const dataDir = mkdtempSync(join(tmpdir(), 'foghorn-sigterm-'));
let fake: FakeResend;
let db: Db;
afterEach(async () => {
  await endAll();
  await fake.close();
  await db.close();
  rmSync(dataDir, { recursive: true, force: true });
});

eachDatabaseUrl('stopped with SIGTERM', (place) => {
  it(
    'in the middle of four calls: begins none, waits for their answers, writes them down, ends well; the next goes on',
    PATIENCE,
    async () => {
      const people = await open(10 * BATCH);
      await postNotice(db, new Date().toISOString(), { mail: rendered('Only') });
      const { promise, resolve: answer } = Promise.withResolvers<void>();
      const body = JSON.stringify({ statusCode: 500, name: 'internal_server_error', message: 'Oh.' });
      fake.next(
        { kind: 'takeAndHold', until: promise },
        { kind: 'takeAndHold', until: promise, after: { kind: 'takeAndDrop' } },
        { kind: 'takeAndHold', until: promise },
        { kind: 'takeAndHold', until: promise, after: { kind: 'takeAndAnswer', status: 500, body } },
      );
      const worker = await startWorker();
      await until(() => fake.taken === IN_FLIGHT * BATCH);
      worker.signal('SIGTERM');
      await worker.says(/the worker stops/);
      answer();
      expect(await worker.ended).toBe(0);
      expect(fake.calls).toHaveLength(IN_FLIGHT);
      expect(await states(db)).toMatchObject({ accepted: 2 * BATCH, in_batch: 2 * BATCH });
      // What was settled is settled, what has no answer is nobody's and keeps its bytes.
      expect(
        (await batches(db)).map(({ state, lease_owner, body }) => [state, lease_owner, body !== null]),
      ).toEqual(
        expect.arrayContaining([
          ['settled', null, false],
          ['frozen', null, true],
        ]),
      );
      const next = await startWorker();
      await until(async () => !(await isWorkLeft(db)));
      await expectOnce(db, fake, { people, subjects: ['Only'] });
      next.signal('SIGTERM');
      expect(await next.ended).toBe(0);
    },
  );

  it(
    `${STOPS} times at random moments of a fan-out to ${PEOPLE} people: ends well each time, lost 0, doubled 0`,
    PATIENCE,
    async () => {
      const random = chance();
      const weather = badWeather(chance(1));
      const people = await open(PEOPLE, { chance: weather.next, latencyMs: () => random() * 300 });
      const subjects: string[] = [];
      for (let stops = 0; stops < STOPS; ) {
        if (!(await isWorkLeft(db))) {
          subjects.push(`Update ${subjects.length + 1}`);
          await postNotice(db, new Date().toISOString(), { mail: rendered(subjects.at(-1)) });
        }
        const before = fake.calls.length;
        const worker = await startWorker();
        // Half of them are told so early that some have not begun anything.
        if (random() < 0.5) await until(() => fake.calls.length > before);
        await wait(random() * 500);
        worker.signal('SIGTERM');
        expect(await worker.ended).toBe(0);
        const leased = (await batches(db)).filter(({ lease_owner }) => lease_owner !== null);
        expect(leased).toEqual([]);
        if (await isWorkLeft(db)) stops++;
      }
      await startWorker();
      await until(async () => !(await isWorkLeft(db)));
      await expectOnce(db, fake, { people, subjects });
      console.log(
        `chaos: seed ${SEED}, ${STOPS} SIGTERMs, ${subjects.length} fan-outs to ${PEOPLE} people, ${fake.calls.length} calls ` +
          `(${weather.told()}): lost 0, doubled 0`,
      );
    },
  );

  let databaseUrl = '';

  async function open(
    howMany: number,
    provider: Parameters<typeof startFakeResend>[0] = {},
  ): Promise<string[]> {
    databaseUrl = await place();
    db = await openDatabase(databaseUrl);
    await migrate(db, new Date().toISOString());
    fake = await startFakeResend({ ...provider, forgetful: true });
    return makeSubscribers(db, howMany);
  }

  async function startWorker(): Promise<Process> {
    const worker = startProcess(process.execPath, [join(ROOT, 'src/cli/main.ts'), 'worker'], {
      env: {
        PATH: process.env.PATH,
        DATA_DIR: dataDir,
        DATABASE_URL: databaseUrl,
        MAIL_TRANSPORT: 'resend',
        RESEND_API_KEY: 're_test',
        RESEND_BASE_URL: fake.url,
      },
    });
    await worker.says(/the worker runs/);
    return worker;
  }
});
