import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { openDatabase } from '#db/open.ts';
import { declareIncident, postUpdate } from '#services/incidents.ts';
import { states } from '../delivery/support.ts';
import { testContext } from '../support/context.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { makePage } from '../support/factory.ts';
import { startFakeResend } from '../support/fakeResend.ts';
import { ask } from '../support/http.ts';
import { makeSubscribers } from '../support/people.ts';
import { startServer } from '../support/server.ts';
import { isWorkLeft } from './people.ts';
import { endAll, startProcess, until } from './processes.ts';
import { count, FULL, PATIENCE } from './size.ts';

const PEOPLE = count('CHAOS_PEOPLE', { quick: 3_000, full: 20_000 });
/** The full run: past every lease, and past what one write waits for (30 s). */
const LOCKED_MS = count('CHAOS_LOCKED_MS', { quick: 1_500, full: 35_000 });
const TITLE = 'Checkout is failing';

afterEach(endAll);

eachDatabaseUrl('a database that another process keeps locked', (place) => {
  it(
    `for ${LOCKED_MS / 1000} s, in the middle of a fan-out: the page stays up, and then everyone gets it once`,
    PATIENCE,
    async () => {
      const databaseUrl = await place();
      const db = await openDatabase(databaseUrl);
      onTestFinished(db.close);
      await migrate(db, new Date().toISOString());
      await makePage(db, { updated_at: new Date().toISOString() });
      const people = await makeSubscribers(db, PEOPLE);
      const fake = await startFakeResend({ latencyMs: 200, forgetful: true });
      onTestFinished(fake.close);
      const dataDir = mkdtempSync(join(tmpdir(), 'foghorn-locked-'));
      onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
      const server = await startServer({
        dataDir,
        env: {
          DATABASE_URL: databaseUrl,
          MAIL_TRANSPORT: 'resend',
          RESEND_API_KEY: 're_test',
          RESEND_BASE_URL: fake.url,
        },
      });
      onTestFinished(() => server.kill());

      const ctx = { ...testContext(db), now: () => new Date().toISOString() };
      const { id } = await declareIncident(ctx, { title: TITLE, severity: 'SEV1', components: [] });
      const say = (body: string, status: 'investigating' | 'identified', version: number) =>
        postUpdate(ctx, {
          incidentId: id,
          version,
          audience: 'public',
          status,
          body,
          components: [],
          notify: true,
        });
      await say('Some cards are refused.', 'investigating', 1);
      await until(async () => (await ask(server.url)).body.includes('Some cards are refused.'));
      await until(() => fake.taken >= PEOPLE / 4);

      const locker = startProcess(process.execPath, [join(import.meta.dirname, 'lock.ts'), databaseUrl]);
      await locker.says(/^locked$/);
      const since = Date.now();
      const before = await states(db);
      // What was asked of it meanwhile waits, or is refused; it is not lost in silence.
      const posted = say('It is the payment provider.', 'identified', 2).then(
        () => true,
        () => false,
      );
      let looks = 0;
      while (Date.now() - since < LOCKED_MS) {
        const page = await ask(server.url);
        expect(page.status).toBe(200);
        expect(page.body).toContain('Some cards are refused.');
        looks++;
        await wait(50);
      }
      // No call that had not begun before has begun, for none could be written down.
      expect(await states(db)).toEqual(before);
      locker.tell('let go');
      expect(await locker.ended).toBe(0);

      if (!(await posted)) await say('It is the payment provider.', 'identified', 2);
      await until(async () => (await ask(server.url)).body.includes('It is the payment provider.'));
      await until(async () => !(await isWorkLeft(db)));
      const ended = await states(db);
      expect(Object.keys(ended).sort()).toEqual(ended.superseded ? ['accepted', 'superseded'] : ['accepted']);
      // Whoever had not got the first when the second came gets both in one.
      const subjects = [`[Investigating] ${TITLE}`, `[Identified] ${TITLE}`];
      for (const person of people) expect(fake.counts.get(`${person} ${subjects[1]}`), person).toBe(1);
      expect([...fake.counts.values()].filter((times) => times > 1)).toEqual([]);
      expect(fake.taken).toBe(ended.accepted);
      console.log(
        `chaos: locked for ${LOCKED_MS / 1000} s in a fan-out to ${PEOPLE} people, ${looks} looks at the page meanwhile: ` +
          `lost 0, doubled 0${FULL ? '' : ' (npm run chaos: 35 s)'}`,
      );
      expect(await server.stop()).toBe(0);
    },
  );
});
