import type { Db } from '#db/open.ts';
import { insertShifts } from '#db/rota.ts';
import type { Role } from '#domain/permissions.ts';
import { MINUTE } from '#domain/time.ts';
import { askToTakeOver } from '#services/handover.ts';
import { callStaff } from '#services/staffCalls.ts';
import type { TestCtx } from '../support/context.ts';
import { incidentHouse } from './incidentHouse.ts';

/** Mia, Jonas and Ada may post, Otto owns, Rui responds, Vera reads; the sixth can no longer sign in. */
export const STAFF = {
  mia: 'comms',
  jonas: 'comms',
  ada: 'comms',
  otto: 'owner',
  rui: 'responder',
  vera: 'viewer',
} as const satisfies Record<string, Role>;
export type Name = keyof typeof STAFF;

export type ShiftPlan = {
  second?: Name | null;
  manager?: Name | null;
  note?: string | null;
};

/** A house with six people, and a rota by the hours of the test's own day. */
export async function dutyHouse(fresh: () => Promise<Db>) {
  const house = await incidentHouse(fresh);
  const { db, ctx } = house;
  await db.write(async (tx) => {
    for (const [id, role] of Object.entries(STAFF))
      await tx
        .insertInto('users')
        .values({
          id,
          email: `${id}@example.com`,
          name: id.charAt(0).toUpperCase() + id.slice(1),
          role,
          password_hash: 'x',
          created_at: '2026-01-01T00:00:00.000Z',
          disabled_at: null,
        })
        .execute();
  });
  const as = (name: Name): TestCtx => ({
    ...ctx,
    actor: {
      kind: 'user',
      role: STAFF[name],
      id: name,
      name: name.charAt(0).toUpperCase() + name.slice(1),
      email: `${name}@example.com`,
    },
  });
  const disable = (name: Name) =>
    db.write((tx) =>
      tx.updateTable('users').set({ disabled_at: ctx.now() }).where('id', '=', name).execute(),
    );
  /** "08:00" to "16:00" of the test's own day. */
  const shift = async (from: string, to: string, primary: Name, plan: ShiftPlan = {}) => {
    const id = ctx.newId();
    const { second = null, manager = null, note = null } = plan;
    const at = (clock: string) => `2026-11-20T${clock}:00.000Z`;
    const row = { startsAt: at(from), endsAt: at(to), primaryId: primary, secondId: second };
    await db.write((tx) =>
      insertShifts(tx, [{ ...row, id, managerId: manager, note, noteBy: note && primary }], ctx.now()),
    );
    return id;
  };
  /** Every mail to staff so far, but for the calls that are not the point: "14:05 mia, jonas: Take over ...". */
  const mails = async (about: RegExp = /./) => {
    const rows = await db.read((tx) =>
      tx
        .selectFrom('notices as n')
        .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['n.seq', 'n.created_at', 'n.subject', 'n.text', 'r.address', 'd.priority'])
        .where('n.kind', '=', 'call')
        .orderBy('n.seq')
        .orderBy('d.seq')
        .execute(),
    );
    return [...Map.groupBy(rows, ({ seq }) => seq).values()]
      .filter(([first]) => about.test(first?.subject ?? ''))
      .map((all) => ({
        line: `${all[0]?.created_at.slice(11, 16)} ${all.map((row) => row.address.split('@')[0]).join(', ')}: ${all[0]?.subject}`,
        text: all[0]?.text ?? '',
      }));
  };
  /** Lets time pass as the clock does, half a minute at a time. */
  const pass = async (minutes: number, tick: () => Promise<unknown> = look) => {
    for (let half = 0; half < minutes * 2; half++) {
      await tick();
      ctx.clock.advance(MINUTE / 2);
    }
    await tick();
  };
  const look = async () => {
    await callStaff(ctx);
    await askToTakeOver(ctx);
  };
  return { ...house, as, disable, shift, mails, pass };
}
