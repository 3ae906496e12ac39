import type { Db } from '#db/open.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { MINUTE, msBetween } from '#domain/time.ts';
import { type ScheduleInput, scheduleMaintenance } from '#services/maintenance.ts';
import { keepMaintenance } from '#services/maintenanceClock.ts';
import { dutyHouse } from './dutyHouse.ts';

export const FROM = '2026-11-24T02:00:00.000Z';
export const UNTIL = '2026-11-24T04:00:00.000Z';

/** A house where Mia plans work on the checkout, and a clock that keeps it. It is Friday, 20 November 2026, 14:00 UTC. */
export async function maintenanceHouse(fresh: () => Promise<Db>) {
  const house = await dutyHouse(fresh);
  const { ctx, db, as, checkout } = house;
  const mia = as('mia');
  const plan = async (changes: Partial<ScheduleInput> = {}) =>
    (
      await scheduleMaintenance(mia, {
        title: 'Database upgrade',
        body: 'Checkout pauses for ten minutes.',
        scheduledFor: FROM,
        scheduledUntil: UNTIL,
        components: [checkout.id],
        notify: true,
        ...changes,
      })
    ).id;
  /** Until nothing is left to do at this moment. */
  const tick = async () => {
    while (await keepMaintenance(ctx));
    while (await expandNextChunk({ db, now: ctx.now }));
  };
  /** Lets time pass until then, as the clock does, a quarter of an hour at a time. */
  const passTo = async (instant: string, stepMs = 15 * MINUTE) => {
    await tick();
    while (msBetween(ctx.now(), instant) > 0) {
      ctx.clock.advance(Math.min(stepMs, msBetween(ctx.now(), instant)));
      await tick();
    }
  };
  /** "24 02:00 call mia: subject", in the order of the record; whom an update is told, people outside by number. */
  const mails = async () => {
    const rows = await db.read((tx) =>
      tx
        .selectFrom('notices as n')
        .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['n.seq', 'n.kind', 'n.created_at', 'n.subject', 'r.address'])
        .orderBy('n.seq')
        .orderBy('r.address')
        .execute(),
    );
    return [...Map.groupBy(rows, ({ seq }) => seq).values()].map(([first, ...rest]) => {
      const who = [first, ...rest].map((row) => row?.address.split('@')[0]).join(', ');
      return `${first?.created_at.slice(8, 16).replace('T', ' ')} ${first?.kind} ${who}: ${first?.subject}`;
    });
  };
  const said = async (id: string) =>
    (await house.get(id)).updates
      .map(
        ({ postedAt, status, notified, body }) =>
          `${postedAt.slice(8, 16).replace('T', ' ')} ${status}${notified ? '' : ' (quiet)'}: ${body}`,
      )
      .reverse();
  const spans = async () =>
    (await db.read((tx) => tx.selectFrom('claims').selectAll().orderBy('seq').execute()))
      .filter(({ voided_at, source_kind }) => voided_at === null && source_kind === 'maintenance')
      .map(({ starts_at, ends_at }) => [starts_at, ends_at]);
  return { ...house, mia, plan, tick, passTo, mails, said, spans };
}
