import { insertAudit } from '#db/audit.ts';
import { listHolds } from '#db/calls.ts';
import { listClaimsOfSource } from '#db/claims.ts';
import { listComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import { findIncident, type Incident, listOpen, updateIncident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listTemplates } from '#db/templates.ts';
import { listUpdates, type Update } from '#db/updates.ts';
import { AUTOMATIC_MARK, automaticKind, canBeAutomatic } from '#domain/automatic.ts';
import { nextPublicDue, type Pace, wholeMinute } from '#domain/cadence.ts';
import { latestFirst } from '#domain/callFacts.ts';
import { type ComponentStatus, STATUS_LABELS } from '#domain/status.ts';
import { namesInWords, substitute, type VariableValues } from '#domain/templates.ts';
import { durationText, type Instant, msBetween, whenText } from '#domain/time.ts';
import { findFitting } from './approvalStanding.ts';
import { eachInTurn } from './inTurn.ts';
import { pacesOf } from './pace.ts';
import { newPostIds, type PostInput, postWithin, tellOthers } from './postUpdate.ts';

const AUTOMATIC = { kind: 'system', name: 'Foghorn, automatically' } as const;

/**
 * Posts an approved text about every open incident whose public update is late, where its policy says so. It keeps the public's promise
 * and no one else's: staff are called as before until a person posts. What is restricted waits for a person.
 * @returns how many were posted
 */
export async function postWhenLate(base: Ctx): Promise<number> {
  const ctx: Ctx = { ...base, actor: AUTOMATIC };
  const due = await ctx.db.read((tx) => listLate(tx, ctx.now()));
  let posted = 0;
  await eachInTurn(due, async ({ id }) => {
    const ids = newPostIds(ctx);
    // Each by itself, and looked at again: another process may have been quicker, or someone has posted.
    const written = await ctx.db.write(async (tx) => {
      const [late] = await listLate(tx, ctx.now(), id);
      return late ? postOne(tx, ctx, late, ids) : null;
    });
    if (!written) return;
    tellOthers(ctx, written);
    posted++;
  });
  return posted;
}

type Late = Incident & { automatic: 'initial' | 'holding'; pace: Pace; said: Update[] };

async function listLate(tx: Tx, now: Instant, id?: string): Promise<Late[]> {
  const open = id === undefined ? await listOpen(tx) : [await findIncident(tx, id)];
  const incidents = open.filter(
    (one): one is Incident =>
      one?.kind === 'incident' && one.hasCadence && !one.restricted && one.nextUpdateDue !== null,
  );
  if (!incidents.length) return [];
  const paces = await pacesOf(tx, incidents);
  const late: Late[] = [];
  for (const incident of incidents) {
    const pace = paces.get(incident) as Pace;
    if (!pace.policy.postWhenLate) continue;
    const words = latestFirst(await listUpdates(tx, incident.seq));
    const said = words.filter(({ audience }) => audience === 'public');
    const holds = await listHolds(tx, [incident.seq]);
    const isHeld = holds.some(({ clock, at, until }) => clock === 'public' && at <= now && now < until);
    // Someone has written what an approver is reading: another word would make it stale.
    const isWritten = (await findFitting(tx, incident, AUTOMATIC)) !== null;
    const facts = { policy: pace.policy, due: incident.nextUpdateDue, isHeld: isHeld || isWritten, said };
    const automatic = automaticKind(facts, now);
    if (automatic) late.push({ ...incident, automatic, pace, said });
  }
  return late;
}

/** null when there is no approved text for it, or the text would have a gap. */
async function postOne(tx: Tx, ctx: Ctx, late: Late, ids: ReturnType<typeof newPostIds>) {
  const now = ctx.now();
  const template = (await listTemplates(tx)).find(
    (one) => one.kind === late.automatic && one.approved && canBeAutomatic(one),
  );
  if (!template) return null;
  const components = await claimedBy(tx, late);
  const { status } = late;
  const { text, missing } = substitute(template.body, await valuesOf(tx, ctx, late, components));
  if (missing.length) return null;
  if (late.automatic === 'initial') await nameForVisitors(tx, ctx, late, components);
  const { version } = (await findIncident(tx, late.id)) as Incident;
  const last = late.said[0];
  const post: PostInput = {
    incidentId: late.id,
    version,
    audience: 'public',
    status,
    body: `${text}\n\n${AUTOMATIC_MARK}`,
    affected: last?.affected,
    workaround: last?.workaround,
    nextUpdateBy: promise(late.pace, now),
    components: late.automatic === 'initial' ? components.map(({ id, status }) => ({ id, status })) : [],
    notify: true,
    holding: late.automatic === 'holding',
    automatic: true,
  };
  return postWithin(tx, ctx, post, ids);
}

type Claimed = { id: string; name: string; status: ComponentStatus };

async function claimedBy(tx: Tx, { kind, seq }: Incident): Promise<Claimed[]> {
  const claims = await listClaimsOfSource(tx, { kind, seq });
  const now = new Map(
    claims.filter(({ endsAt }) => endsAt === null).map((one) => [one.componentId, one.status]),
  );
  return (await listComponents(tx)).flatMap(({ id, name }) => {
    const status = now.get(id);
    return status ? [{ id, name, status }] : [];
  });
}

/**
 * What was declared was written for colleagues and nobody has read it over, so visitors get a title that says no more than what is
 * affected, and nothing of where it is felt. Both stay in the record.
 */
async function nameForVisitors(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  components: readonly Claimed[],
): Promise<void> {
  const names = namesInWords(components.map(({ name }) => name));
  await updateIncident(
    tx,
    incident.seq,
    { title: names ? `Trouble with ${names}` : 'We are looking into a problem', scope: null },
    ctx.now(),
  );
  await insertAudit(tx, ctx, {
    action: 'incident.title',
    subjectKind: 'incident',
    subjectId: incident.id,
    detail: {
      text: `Title changed from “${incident.title}”`,
      note: incident.scope && `Where it is felt was “${incident.scope}”`,
    },
  });
}

async function valuesOf(
  tx: Tx,
  ctx: Ctx,
  { id, severity, status, startedAt, pace, drill }: Late,
  components: readonly Claimed[],
): Promise<VariableValues> {
  const now = ctx.now();
  const { name, timeZone } = await getPage(tx);
  const next = promise(pace, now);
  return {
    // Declared without any, it is still about something of ours.
    components: namesInWords(components.map((one) => one.name)) || 'Some of our services',
    started: whenText(startedAt, timeZone, now),
    duration: durationText(msBetween(startedAt, now)),
    next_update: next && whenText(next, timeZone, now),
    severity,
    status: STATUS_LABELS[status],
    page_name: name,
    page_url: `${ctx.site.url}${drill ? '/admin' : ''}/incidents/${id}`,
  };
}

function promise(pace: Pace, now: Instant): Instant | null {
  const next = nextPublicDue(pace, now);
  return next && wholeMinute(next);
}
