import type { Ctx } from '#db/context.ts';
import { listDropped } from '#db/dropped.ts';
import { listTellings } from '#db/tellings.ts';
import { listUnfinished } from '#db/unfinished.ts';
import { requirePermission } from '#domain/permissions.ts';
import type { What } from '#domain/stakeholders.ts';
import type { Instant } from '#domain/time.ts';
import { requireIncident } from './requireIncident.ts';

/** An audience or account that was told of an incident: what, when, and how many of it. */
export type ToldAudience = {
  name: string;
  /** In order. `stopped`: someone stopped it before all of it had left. */
  moments: { what: What; at: Instant; people: number; stopped: boolean }[];
};

/** Which audiences and accounts were told of an incident, whoever was told first before the others. @throws AppError not_found */
export async function listToldAudiences(ctx: Ctx, incidentId: string): Promise<ToldAudience[]> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const { seq } = await requireIncident(tx, incidentId, undefined, ctx.actor);
    const open = await listUnfinished(tx, seq, 'stakeholders');
    const stopped = new Set([
      ...open.filter((one) => one.stoppedAt !== null).map(({ noticeSeq }) => noticeSeq),
      ...(await listDropped(tx, seq)),
    ]);
    const tellings = Map.groupBy(await listTellings(tx, seq), ({ audienceId }) => audienceId);
    return [...tellings.values()].map((own) => ({
      name: own.at(-1)?.name ?? '',
      moments: own.map(({ what, toldAt, people, noticeSeq }) => ({
        what,
        at: toldAt,
        people,
        stopped: noticeSeq !== null && stopped.has(noticeSeq),
      })),
    }));
  });
}
