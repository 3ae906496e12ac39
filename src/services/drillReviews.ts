import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import {
  type DrillReview,
  listDrillEnds,
  listDrillPeople,
  listDrillReviews,
  listDrillRoles,
  listDrills as listRows,
  type Participant,
  saveDrillReview,
} from '#db/drills.ts';
import type { Incident } from '#db/incidents.ts';
import type { RoleHolder } from '#db/incidentTeam.ts';
import { listRoleHolders } from '#db/incidentTeam.ts';
import { DRILL_QUESTIONS, type DrillAnswers, type DrillRoles, suggestRoles } from '#domain/drills.ts';
import { AppError } from '#domain/errors.ts';
import type { KeptWord } from '#domain/keptWord.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { isOver } from '#domain/status.ts';
import { multiLine, optional } from '#domain/text.ts';
import { addMs, DAY } from '#domain/time.ts';
import { requireDrill } from './drills.ts';
import { readKeptWord } from './keptWord.ts';

export type DrillView = Incident & {
  participants: Participant[];
  roles: RoleHolder[];
  /** null: nothing was ever promised in it. */
  kept: KeptWord | null;
  /** null: it was not broken off. */
  abandoned: { at: string; by: string } | null;
  review: DrillReview | null;
};

/** How many drills that are over a list shows. */
const SHOWN = 50;

/** The drills, the latest first: those that run, and those that are over, as many as one wants to see. */
export async function listDrills(ctx: Ctx): Promise<{ running: DrillView[]; over: DrillView[] }> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const rows = await listRows(tx, SHOWN, ctx.actor);
    const seqs = rows.map(({ seq }) => seq);
    const reviews = await listDrillReviews(tx, seqs);
    const ends = await listDrillEnds(tx, seqs);
    const now = ctx.now();
    const views: DrillView[] = [];
    for (const row of rows)
      views.push({
        ...row,
        participants: await listDrillPeople(tx, row.seq),
        roles: await listRoleHolders(tx, row.seq),
        kept: await readKeptWord(tx, row, now),
        abandoned: ends.get(row.seq) ?? null,
        review: reviews.get(row.seq) ?? null,
      });
    return {
      running: views.filter(({ status }) => !isOver(status)),
      over: views.filter(({ status }) => isOver(status)),
    };
  });
}

/** @throws AppError not_found */
export async function getDrill(ctx: Ctx, incidentId: string): Promise<DrillView> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const drill = await requireDrill(tx, ctx, incidentId);
    return {
      ...drill,
      participants: await listDrillPeople(tx, drill.seq),
      roles: await listRoleHolders(tx, drill.seq),
      kept: await readKeptWord(tx, drill, ctx.now()),
      abandoned: (await listDrillEnds(tx, [drill.seq])).get(drill.seq) ?? null,
      review: (await listDrillReviews(tx, [drill.seq])).get(drill.seq) ?? null,
    };
  });
}

/** Roles count for the rotation as long as people may remember them. */
const REMEMBERED = 365 * DAY;

/** Whose turn each role is among these people, by the drills of the last year. */
export async function suggestDrillRoles(ctx: Ctx, participants: readonly string[]): Promise<DrillRoles> {
  requirePermission(ctx.actor, 'incident.declare');
  const since = addMs(ctx.now(), -REMEMBERED);
  return suggestRoles(participants, await ctx.db.read((tx) => listDrillRoles(tx, since)));
}

const answer = (what: string) => optional(multiLine(2000, what)).transform((text) => text ?? '');

export const drillReviewInput = z.object({
  well: answer(DRILL_QUESTIONS.well),
  slow: answer(DRILL_QUESTIONS.slow),
  change: answer(DRILL_QUESTIONS.change),
  who: answer(DRILL_QUESTIONS.who),
});

/** Keeps what was learned, in place of what was written before. @throws AppError not_found, or conflict while the drill runs */
export async function reviewDrill(
  ctx: Ctx,
  input: { incidentId: string; answers: DrillAnswers },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  await ctx.db.write(async (tx) => {
    const drill = await requireDrill(tx, ctx, input.incidentId);
    if (!isOver(drill.status))
      throw new AppError('conflict', 'The drill still runs.', { fix: 'End it first, then look back.' });
    await saveDrillReview(tx, drill.seq, {
      answers: input.answers,
      at: ctx.now(),
      by: actorLabel(ctx.actor),
    });
    await insertAudit(tx, ctx, {
      action: 'drill.review',
      subjectKind: 'incident',
      subjectId: drill.id,
      detail: { text: 'Wrote what was learned' },
    });
  });
}
