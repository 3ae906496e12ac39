import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupTo } from '#db/backup.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { testClock } from '../support/context.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { batches, expandAll, fakeTransport, postNotice, rendered, rigEngine, states } from './support.ts';

let fake: FakeResend;
const open: Db[] = [];
beforeEach(async () => {
  fake = await startFakeResend();
});
afterEach(async () => {
  for (const db of open.splice(0).reverse()) await db.close();
  await fake.close();
});

const clock = testClock();
const doubled = () => [...fake.counts].filter(([, count]) => count > 1);

async function sendOut(db: Db, subject: string) {
  await postNotice(db, clock.now(), { mail: rendered(subject) });
  await sendRest(db);
}

async function sendRest(db: Db) {
  await expandAll(db, clock.now);
  const rig = await rigEngine(db, fakeTransport(fake), { clock });
  await rig.drain();
}

eachDatabase('a database that begins anew, with an account that has seen others', (fresh) => {
  it('counts its mails from one again, and everybody is mailed all the same', async () => {
    for (const subject of ['A trial', 'In earnest']) {
      const db = await fresh();
      await makeSubscribers(db, 120);
      await sendOut(db, subject);
      expect(await states(db)).toEqual({ accepted: 120 });
      await db.close();
    }
    expect(fake.counts.size).toBe(240);
    expect(new Set(fake.calls.map(({ key }) => key)).size).toBe(fake.calls.length);
  });
});

describe('a database that was restored', () => {
  async function house(people: number) {
    const db = await freshSqlite();
    open.push(db);
    await makeSubscribers(db, people);
    return db;
  }

  /** A copy as it is now, to be opened when it is restored. */
  async function backUp(db: Db): Promise<() => Promise<Db>> {
    const file = join(db.file as string, '..', 'backup.db');
    await backupTo(db, file);
    return async () => {
      const restored = await openDatabase(`sqlite:${file}`);
      open.push(restored);
      return restored;
    };
  }

  it('sends what is posted next to everybody: that has the numbers of what was sent since the copy, and no more of it', async () => {
    const db = await house(120);
    await sendOut(db, 'Yesterday');
    const restore = await backUp(db);
    await sendOut(db, 'Today, before the fault');
    const restored = await restore();
    await sendOut(restored, 'Today, after it');
    expect(await states(restored)).toEqual({ accepted: 240 });
    expect((await batches(restored)).every(({ state }) => state === 'settled')).toBe(true);
    expect(fake.counts.size).toBe(360);
    expect(doubled()).toEqual([]);
  });

  it('takes batches apart under keys of their own, too', async () => {
    const db = await house(8);
    const restore = await backUp(db);
    fake.refuse(address(3));
    await sendOut(db, 'Before');
    const restored = await restore();
    await sendOut(restored, 'After');
    expect(await states(restored)).toEqual({ accepted: 7, refused: 1 });
    expect(fake.counts.size).toBe(14);
    expect(new Set(fake.calls.map(({ key }) => key)).size).toBe(fake.calls.length);
  });

  it('says again what the copy held unsent, and was sent since: the same keys, and no one hears it twice', async () => {
    const db = await house(120);
    fake.refuse(address(3));
    await postNotice(db, clock.now());
    const restore = await backUp(db);
    await sendRest(db);
    const keys = fake.calls.map(({ key }) => key).sort();
    expect(fake.taken).toBe(119);
    const restored = await restore();
    await sendRest(restored);
    expect(await states(restored)).toEqual({ accepted: 119, refused: 1 });
    expect(
      fake.calls
        .slice(keys.length)
        .map(({ key }) => key)
        .sort(),
    ).toEqual(keys);
    expect(fake.taken).toBe(119);
    expect(doubled()).toEqual([]);
  });
});
