import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { findIncidentBySeq, type Incident, updateIncident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { changeUpdateText, findUpdate, type Update, type UpdateText } from '#db/updates.ts';
import type { Reader } from '#db/visible.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import { refuseUnapproved } from './approvalGate.ts';
import { mendInDigests } from './digestTexts.ts';
import { countMend, mendMail, storedPlans } from './mendMail.ts';
import { mendStakeholders } from './stakeholderMend.ts';
import { queueUpdateMail } from './updateMail.ts';
import { isOpenToAll } from './updatePlan.ts';

/**
 * Puts new words in a posted update. The old ones are kept and visitors see "edited 15:07". Its mail that has not left goes with the new
 * words. With `notify`, those who got the old ones are told: by a short correction while its mail is still going out (`wrong` says in a
 * sentence what was wrong), else everyone concerned by a mail of its own.
 */
export async function editUpdate(
  ctx: Ctx,
  input: UpdateText & { updateId: string; notify: boolean; wrong?: string | null },
): Promise<{ told: number }> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  const noticeId = ctx.newId();
  const { updateId, notify, wrong = null, ...text } = input;
  // Counting a million rows is no work for the one writer; a few who get it in between change nothing but this figure.
  const expected = notify ? await countWrong(ctx, updateId) : 0;
  const { told, changesPage, inside } = await ctx.db.write(async (tx) => {
    const update = await requireUpdate(tx, updateId, ctx.actor);
    const isPublic = update.audience === 'public';
    if (isPublic) requirePermission(ctx.actor, 'incident.publish');
    refuseUnchanged(update, text);
    let incident = (await findIncidentBySeq(tx, update.incidentSeq, ctx.actor)) as Incident;
    if (isPublic) await refuseUnapproved(tx, ctx, incident);
    await changeUpdateText(tx, update, text, { at: now, label: actorLabel(ctx.actor) });
    // The scope beside the title is what this update said: it is put right with it.
    if (isPublic && text.scope !== update.scope && incident.scope === update.scope) {
      await updateIncident(tx, incident.seq, { scope: text.scope }, now);
      incident = { ...incident, scope: text.scope };
    }
    await insertAudit(tx, ctx, {
      action: 'incident.editUpdate',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { update: updateId },
    });
    const changesPage = isPublic && isOpenToAll(incident);
    const inside = await mendStakeholders(tx, ctx, update, { correct: notify ? { wrong } : null, now });
    // What is said of a drill stands on no page, but it was mailed.
    if (!changesPage && !(isPublic && incident.drill)) return { told: inside.corrected, changesPage, inside };
    if (changesPage) await bumpPageVersion(tx, now);
    const mended = { ...update, ...text };
    const mend = await mendMail(tx, ctx, {
      incident,
      update: mended,
      now,
      correct: notify ? { wrong, expected } : null,
    });
    const told =
      mend?.corrected ?? (notify ? await queueCorrection(tx, ctx, incident, mended, noticeId, now) : 0);
    await mendInDigests(tx, ctx, update, { tell: notify, now });
    return { told: told + inside.corrected, changesPage, inside };
  });
  if (changesPage) ctx.changed('page');
  if (changesPage || told || inside.changed) ctx.changed('outbox');
  return { told };
}

/** @throws AppError not_found */
export async function requireUpdate(tx: Tx, updateId: string, reader: Reader): Promise<Update> {
  const update = await findUpdate(tx, updateId, reader);
  if (update) return update;
  throw new AppError('not_found', 'There is no such update.', { fix: 'Open the incident again.' });
}

function countWrong(ctx: Ctx, updateId: string): Promise<number> {
  return ctx.db.read(async (tx) => {
    const update = await requireUpdate(tx, updateId, ctx.actor);
    const incident = (await findIncidentBySeq(tx, update.incidentSeq, ctx.actor)) as Incident;
    return (await countMend(tx, incident, update.seq)).corrected;
  });
}

/** A page that says "edited" of words that are the same, or a mail about nothing, would be a small lie. */
function refuseUnchanged(before: UpdateText, after: UpdateText): void {
  const names = Object.keys(after) as (keyof UpdateText)[];
  if (names.some((name) => after[name] !== before[name])) return;
  throw new AppError('invalid', 'Nothing differs from what was said.', { fix: 'Change the words first.' });
}

async function queueCorrection(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  update: Update,
  noticeId: string,
  now: Instant,
): Promise<number> {
  const plan = (await storedPlans(tx, incident))(update.seq);
  return queueUpdateMail(
    tx,
    ctx,
    {
      ...plan,
      now,
      update: { ...update, kind: 'correction' },
      earlier: plan.others,
    },
    { noticeId, updateSeq: update.seq },
  );
}
