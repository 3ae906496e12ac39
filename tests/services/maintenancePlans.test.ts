import { expect, it } from 'vitest';
import { listHolding, listKeptMaintenance, listPlannedFor, listWords } from '#db/maintenance.ts';
import { listOpenSeries, listSlots } from '#db/maintenanceSeries.ts';
import { freshSqlite } from '../support/databases.ts';
import { plansOf } from '../support/plans.ts';
import { maintenanceHouse } from './maintenanceHouse.ts';

it('what the clock asks of maintenance every second walks through no table that grows', async () => {
  const { db, plan, declare } = await maintenanceHouse(freshSqlite);
  await plan();
  await declare({ severity: 'SEV4' });
  const plans = await plansOf(db, async (watched) => {
    const [kept] = await watched.read(listKeptMaintenance);
    if (!kept) throw new Error('Nothing is planned.');
    await watched.read((tx) => listWords(tx, [kept.incident.seq]));
    expect((await watched.read((tx) => listHolding(tx, [kept.incident.seq]))).size).toBe(1);
    expect(await watched.read(listPlannedFor)).toHaveLength(1);
    await watched.read(listOpenSeries);
    await watched.read((tx) => listSlots(tx, 1));
  });
  const dear = plans.flatMap(({ sql, lines }) =>
    lines
      .filter((line) => /^SCAN/.test(line))
      // Series that have not ended are few.
      .filter((line) => !line.includes('maintenance_series_open'))
      .map((line) => `${line} in ${sql.slice(0, 120)}`),
  );
  expect(plans.length).toBeGreaterThan(5);
  expect(dear).toEqual([]);
  await db.close();
});
