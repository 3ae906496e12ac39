import { insertAudit } from '#db/audit.ts';
import { listClaimsOfSource } from '#db/claims.ts';
import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import { findIncidentBySeq, type Incident, updateIncident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { bumpPageVersion, getPage } from '#db/page.ts';
import { changeUpdateText, findUpdate, listUpdates, type Update, type UpdateText } from '#db/updates.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import { queueUpdateMail } from './updateMail.ts';
import { isOpenToAll } from './updatePlan.ts';

/** Puts new words in a posted update. The old ones are kept, visitors see "edited 15:07", nobody is mailed unless asked. */
export async function editUpdate(
  ctx: Ctx,
  input: UpdateText & { updateId: string; notify: boolean },
): Promise<{ told: number }> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  const noticeId = ctx.newId();
  const { updateId, notify, ...text } = input;
  const { told, changesPage } = await ctx.db.write(async (tx) => {
    const update = await findUpdate(tx, updateId);
    if (!update)
      throw new AppError('not_found', 'There is no such update.', { fix: 'Open the incident again.' });
    const isPublic = update.audience === 'public';
    if (isPublic) requirePermission(ctx.actor, 'incident.publish');
    refuseUnchanged(update, text);
    const incident = (await findIncidentBySeq(tx, update.incidentSeq)) as Incident;
    await changeUpdateText(tx, update, text, { at: now, label: actorLabel(ctx.actor) });
    // The scope beside the title is what this update said: it is put right with it.
    if (isPublic && text.scope !== update.scope && incident.scope === update.scope)
      await updateIncident(tx, incident.seq, { scope: text.scope }, now);
    await insertAudit(tx, ctx, {
      action: 'incident.editUpdate',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { update: updateId },
    });
    const changesPage = isPublic && isOpenToAll(incident);
    if (changesPage) await bumpPageVersion(tx, now);
    const told =
      changesPage && notify
        ? await queueCorrection(tx, ctx, incident, { ...update, ...text }, noticeId, now)
        : 0;
    return { told, changesPage };
  });
  if (changesPage) ctx.changed('page');
  if (told) ctx.changed('outbox');
  return { told };
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
  const said = await listUpdates(tx, incident.seq);
  const claims = await listClaimsOfSource(tx, { kind: incident.kind, seq: incident.seq });
  const ids = [...new Set(claims.map(({ componentId }) => componentId))];
  const named = new Map((await findComponents(tx, ids)).map((component) => [component.id, component]));
  const statuses = new Map(
    claims.filter(({ endsAt }) => endsAt === null).map(({ componentId, status }) => [componentId, status]),
  );
  return queueUpdateMail(
    tx,
    ctx,
    {
      incident,
      page: await getPage(tx),
      now,
      update: { ...update, kind: 'correction' },
      earlier: said.filter(({ audience, seq }) => audience === 'public' && seq !== update.seq),
      changes: {},
      components: [...named].map(([id, { name }]) => ({
        id,
        name,
        status: statuses.get(id) ?? 'operational',
      })),
      filter: { components: ids, groups: [...named.values()].flatMap(({ groupId }) => groupId ?? []) },
    },
    { noticeId, updateSeq: update.seq },
  );
}
