import { setTimeout as wait } from 'node:timers/promises';
import { openDatabase } from '#db/open.ts';
import { keepMaintenance } from '#services/maintenanceClock.ts';
import { testContext } from '../support/context.ts';

/** A process whose clock keeps maintenance, in a time that runs faster: `--` one argument, as maintenance.test.ts writes it. */
const { databaseUrl, began, from, speed } = JSON.parse(process.argv[2] as string) as {
  databaseUrl: string;
  /** When time began to run, in ms, and which time that was. */
  began: number;
  from: number;
  speed: number;
};
const db = await openDatabase(databaseUrl);
const now = () => new Date(from + (Date.now() - began) * speed).toISOString();
const newId = () => Math.random().toString(36).slice(2, 14).padEnd(12, '0');
const ctx = { ...testContext(db, { actor: { kind: 'system', name: 'test' } }), now, newId };
console.log('begun');
for (;;) {
  await keepMaintenance(ctx);
  await wait(1);
}
