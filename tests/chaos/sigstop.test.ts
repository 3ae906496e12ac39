import { afterEach, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { openDatabase } from '#db/open.ts';
import { LEASE_MS } from '#delivery/lease.ts';
import { batches, postNotice, rendered, states } from '../delivery/support.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { expectOnce, isWorkLeft } from './people.ts';
import { endAll, startWorker, until } from './processes.ts';
import { FULL, PATIENCE } from './size.ts';

const PEOPLE = 150;
const BATCHES = 2;
const LATE = /had been taken over; its late answer was ignored/;

afterEach(endAll);

eachDatabaseUrl('stopped with SIGSTOP past its lease and resumed with SIGCONT', (place) => {
  it(
    'a worker that slept writes nothing of what another has taken over, and nobody is mailed twice',
    PATIENCE,
    async () => {
      const databaseUrl = await place();
      const db = await openDatabase(databaseUrl);
      await migrate(db, new Date().toISOString());
      const people = await makeSubscribers(db, PEOPLE);
      const fake = await startFakeResend();
      const hold = () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        for (let call = 0; call < BATCHES; call++) fake.next({ kind: 'takeAndHold', until: promise });
        return resolve;
      };
      const options = { databaseUrl, transport: 'resend' as const, provider: fake.url };
      await postNotice(db, new Date().toISOString(), { mail: rendered('First') });

      const answerSleeper = hold();
      const sleeper = await startWorker(options);
      await until(() => fake.calls.length === BATCHES && fake.taken === PEOPLE);
      sleeper.signal('SIGSTOP');
      // The full run waits until the lease has ended; the quick one has an heir by whose clock it has.
      const answerHeir = hold();
      const heir = await startWorker({ ...options, clockAheadMs: FULL ? 0 : LEASE_MS + 1_000 });
      await until(() => fake.calls.length === 2 * BATCHES);
      const taken = await batches(db);
      expect(taken.map(({ fence }) => fence)).toEqual(taken.map(() => 2));

      // The heir's calls are under way while the sleeper wakes up with its answers.
      answerSleeper();
      sleeper.signal('SIGCONT');
      const refused = () => sleeper.lines.filter((line) => LATE.test(line)).length;
      await until(async () => refused() === BATCHES || (await states(db)).in_batch !== PEOPLE);
      const owned = (rows: typeof taken) =>
        rows.map(({ seq, fence, state, lease_owner, last_error }) => ({
          seq,
          fence,
          state,
          lease_owner,
          last_error,
        }));
      expect(owned(await batches(db))).toEqual(owned(taken));
      expect(await states(db)).toEqual({ in_batch: PEOPLE });

      answerHeir();
      await until(async () => !(await isWorkLeft(db)));
      await expectOnce(db, fake, { people, subjects: ['First'] });
      // Every batch went twice, as the same call.
      expect(fake.calls).toHaveLength(2 * BATCHES);
      expect(new Set(fake.calls.map(({ key, hash }) => `${key} ${hash}`)).size).toBe(BATCHES);

      // It is awake, and of use.
      await heir.kill();
      await postNotice(db, new Date().toISOString(), { mail: rendered('Second') });
      await until(async () => !(await isWorkLeft(db)));
      await expectOnce(db, fake, { people, subjects: ['First', 'Second'] });
      await fake.close();
      await db.close();
    },
  );
});
