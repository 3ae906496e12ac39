import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { firstRows } from '#components/admin/keptPlots.ts';
import type { Db } from '#db/open.ts';
import { updatePage } from '#db/page.ts';
import { keptPercent } from '#domain/keptWord.ts';
import type { StatuspageSource } from '#domain/statuspage.ts';
import { DAY, MINUTE } from '#domain/time.ts';
import { getKeptReport, getKeptWord, keptRangeInput } from '#services/keptWord.ts';
import { getKeptPage } from '#services/publicKept.ts';
import { callStaff } from '#services/staffCalls.ts';
import { importStatuspage } from '#services/statuspageImport.ts';
import { testContext, userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident, makePage, makeUpdate } from '../support/factory.ts';
import { countSilences } from '../support/silences.ts';
import { incidentHouse } from './incidentHouse.ts';
import { silentSource } from './silentFixture.ts';

/** A SEV1 whose first word came in time and whose second came 11 minutes late. */
async function lateStory(fresh: () => Promise<Db>) {
  const house = await incidentHouse(fresh);
  const { ctx, declare, say, at, db } = house;
  await db.write((tx) =>
    tx
      .insertInto('users')
      .values({
        id: 'mia',
        email: 'mia@example.com',
        name: 'Mia',
        role: 'comms',
        password_hash: 'x',
        created_at: ctx.now(),
        disabled_at: null,
      })
      .execute(),
  );
  const { id } = await declare();
  /** The clock looks at these times: when a call is planned for, and once when none is. */
  const look = async (...clocks: string[]) => {
    for (const clock of clocks) {
      at(clock);
      await callStaff(ctx);
    }
  };
  await look('14:00', '14:03', '14:04');
  await say(id);
  await look('14:24', '14:30', '14:34', '14:39', '14:44');
  at('14:45');
  await say(id, { status: 'monitoring' });
  at('15:02');
  await say(id, { status: 'resolved' });
  at('16:00');
  return { ...house, id };
}

eachDatabase('kept words', (fresh) => {
  it('of one incident: each promise, the first word, the longest silence and the reminders it took', async () => {
    const { ctx, id } = await lateStory(fresh);
    const kept = await getKeptWord(ctx, id);
    expect(
      kept?.words.map(({ promised, posted, verdict, reminders, lateCalls }) =>
        [promised.slice(11, 16), posted?.slice(11, 16), verdict, reminders, lateCalls].join(' '),
      ),
    ).toEqual(['14:05 14:04 on_time 1 0', '14:34 14:45 late 2 2', '15:15 15:02 on_time 0 0']);
    expect(kept).toMatchObject({
      counted: 3,
      onTime: 2,
      firstTookMs: 4 * MINUTE,
      longestSilence: { ms: 41 * MINUTE },
      reminders: 3,
      lateCalls: 2,
    });
  });

  it('in a report: by severity and month, with what does not count apart', async () => {
    const { ctx, id, db } = await lateStory(fresh);
    const past = { declared_at: '2026-10-02T10:00:00.000Z', status: 'resolved' as const };
    const said = { posted_at: '2026-10-02T10:10:00.000Z', was_due_at: '2026-10-02T10:05:00.000Z' };
    for (const changes of [
      { severity: 'SEV2' as const },
      { severity: 'SEV2' as const, drill: 1 as const },
      { severity: 'SEV2' as const, restricted: 1 as const, title: 'A secret' },
      { source: 'backfill' as const },
    ]) {
      const { seq } = await makeIncident(db, { ...past, ...changes });
      await makeUpdate(db, seq, said);
    }
    const report = await getKeptReport(ctx, null);
    expect(report.range).toEqual({ from: '2026-08-23', to: '2026-11-20' });
    expect(report.all).toMatchObject({ incidents: 2, counted: 4, onTime: 2, lateCalls: 2 });
    expect(report.bySeverity.map(({ severity, sum }) => [severity, keptPercent(sum)])).toEqual([
      ['SEV1', '66%'],
      ['SEV2', '0%'],
    ]);
    expect(report.byMonth.map(({ month, sum }) => [month, sum.incidents, sum.onTime, sum.counted])).toEqual([
      ['2026-08', 0, 0, 0],
      ['2026-09', 0, 0, 0],
      ['2026-10', 1, 0, 1],
      ['2026-11', 1, 2, 3],
    ]);
    expect(report.apart.map(({ what, sum }) => [what, sum.incidents, sum.counted])).toEqual([
      ['drill', 1, 1],
      ['backfill', 1, 1],
    ]);
    expect(report.incidents[0]).toMatchObject({ id, firstAllowedMs: 5 * MINUTE });
    expect(JSON.stringify(report)).not.toContain('A secret');

    const october = await getKeptReport(ctx, { from: '2026-10-02', to: '2026-10-02' });
    expect(october.all).toMatchObject({ incidents: 1, counted: 1, onTime: 0 });
    await expect(getKeptReport({ ...ctx, actor: { kind: 'visitor' } }, null)).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });

  it('days are those of the page’s zone', async () => {
    const { ctx, db } = await incidentHouse(fresh);
    await db.write((tx) => updatePage(tx, { timeZone: 'America/New_York' }));
    await makeIncident(db, { declared_at: '2026-11-01T03:59:00.000Z' });
    const on = async (day: string) => (await getKeptReport(ctx, { from: day, to: day })).all.incidents;
    expect([await on('2026-10-31'), await on('2026-11-01')]).toEqual([1, 0]);
    expect((await getKeptReport(ctx, { from: '2026-10-01', to: '2026-11-30' })).byMonth[0]).toMatchObject({
      month: '2026-10',
      sum: { incidents: 1 },
    });
  });

  it('are shown to visitors only where the owner wants it, of what visitors saw', async () => {
    const { ctx, db, declare } = await lateStory(fresh);
    const visitor = { ...ctx, actor: { kind: 'visitor' as const } };
    expect(await getKeptPage(visitor)).toBeNull();
    await db.write((tx) => updatePage(tx, { showKept: true }));
    // Neither a drill, nor what nobody outside has heard of, nor what is older.
    const missed = { next_update_due: '2026-11-20T13:00:00.000Z' };
    await makeIncident(db, { drill: 1, ...missed });
    await makeIncident(db, { restricted: 1, ...missed });
    await makeIncident(db, { source: 'import', ...missed });
    await makeIncident(db, { declared_at: '2026-08-20T00:00:00.000Z', ...missed });
    await declare({ title: 'Nobody knows' });
    ctx.clock.advance(DAY);
    expect((await getKeptPage(visitor))?.sum).toMatchObject({ incidents: 1, counted: 3, onTime: 2 });
    expect((await getKeptReport(ctx, null)).all).toMatchObject({ incidents: 2, counted: 4, onTime: 2 });
  });

  it('a first word that was never owed is no slow one: the days for which something was restricted stand nowhere', async () => {
    const { ctx, db, id: ownId } = await lateStory(fresh);
    await db.write((tx) => updatePage(tx, { showKept: true }));
    const unsealed = { declared_at: '2026-11-16T14:00:00.000Z', published_at: '2026-11-20T14:00:00.000Z' };
    const { seq } = await makeIncident(db, { severity: 'SEV1', ...unsealed });
    await makeUpdate(db, seq, { posted_at: unsealed.published_at, was_due_at: null });
    const first = { said: 1, medianMs: 4 * MINUTE, counted: 1, onTime: 1 };
    expect((await getKeptReport(ctx, null)).all).toMatchObject({ incidents: 2, first });
    expect((await getKeptPage({ ...ctx, actor: { kind: 'visitor' } }))?.sum).toMatchObject({ first });
    const rows = firstRows((await getKeptReport(ctx, null)).incidents);
    expect(rows.flatMap(({ dots }) => dots.map(({ id, beyond }) => [id, beyond]))).toEqual([[ownId, false]]);
  });

  it('an import says how long its page was silent, as a count of the file does', async () => {
    const db = await fresh();
    await makePage(db);
    const ctx = testContext(db, { actor: userActor('owner') });
    const source = silentSource();
    await importStatuspage(ctx, source);
    const { importedSpan, all, apart } = await getKeptReport(ctx, null);
    // What was planned is no incident: it leaves the fixture's fifth, and a line of the count, out.
    expect(importedSpan).toEqual({ from: '2024-02-10', to: '2024-03-31', incidents: 4 });
    expect([all.incidents, apart]).toEqual([0, []]);
    const { imported } = await getKeptReport(ctx, importedSpan);
    expect(figures(imported)).toEqual({
      critical: [2, 1, 1],
      major: [6, 3, 2],
      minor: [2, 1, 0],
    });
    expect(figures(imported)).toEqual(countSilences(source));
  });
});

/** A large real export beside the repository, where there is one; FOGHORN_REAL_DATA names another place. */
const REAL = process.env.FOGHORN_REAL_DATA ?? join(import.meta.dirname, '../../../shared/data');
const there = existsSync(join(REAL, 'github-incidents-2020-2025.json'));
const left = 'the silences of a large real export: NOT RUN, because FOGHORN_REAL_DATA names no folder of one';
if (!there) console.warn(left);

eachDatabase('the silences of a real page', (fresh) => {
  it.skipIf(!there)(there ? 'are as many as a count of its file says' : left, async () => {
    const read = (name: string) => JSON.parse(readFileSync(join(REAL, name), 'utf8'));
    const file = read('github-incidents-2020-2025.json');
    const { components } = read('github-components.json');
    const db = await fresh();
    await makePage(db);
    const ctx = testContext(db, { actor: userActor('owner') });
    await importStatuspage(ctx, { ...file, components } as StatuspageSource);
    const { importedSpan } = await getKeptReport(ctx, null);
    const { imported } = await getKeptReport(ctx, importedSpan);
    expect(figures(imported)).toEqual(countSilences(file));
    expect(figures(imported)).toMatchObject({ major: [862, 161, 38] });
  });
});

it('a range is two days in their order', () => {
  const problem = (from: string, to: string) =>
    keptRangeInput.safeParse({ from, to }).error?.issues[0]?.message;
  expect(problem('2026-01-01', '2026-01-01')).toBeUndefined();
  expect(problem('2026-02-30', '2026-03-01')).toContain('no day');
  expect(problem('', '2026-03-01')).toContain('no day');
  expect(problem('2026-03-02', '2026-03-01')).toContain('before the first');
});

const figures = (silences: Awaited<ReturnType<typeof getKeptReport>>['imported']) =>
  Object.fromEntries(
    silences
      .filter(({ gaps }) => gaps)
      .map(({ impact, gaps, over30, over60 }) => [impact, [gaps, over30, over60]]),
  );
