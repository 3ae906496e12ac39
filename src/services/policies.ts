import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { updateIncident } from '#db/incidents.ts';
import { listRoleHolders } from '#db/incidentTeam.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import {
  type AgreedVersion,
  currentPolicies,
  insertPolicies,
  listPolicies,
  type PolicyVersion,
} from '#db/policies.ts';
import { clocksUnder } from '#domain/clocks.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission, userIdOf } from '#domain/permissions.ts';
import { DUTY_ROLES, type Policies, type Severity } from '#domain/severity.ts';
import { isOver } from '#domain/status.ts';
import { multiLine, optional, singleLine } from '#domain/text.ts';
import { parseInstant } from '#domain/time.ts';
import { paceOf } from './pace.ts';
import { requireIncident } from './requireIncident.ts';

export type { AgreedVersion, PolicyVersion } from '#db/policies.ts';

/** A week: nobody promises less often than that. */
const MAX_MINUTES = 7 * 24 * 60;

const wholeNumber = (what: string, max: number) =>
  z
    .string()
    .trim()
    .regex(/^\d{1,6}$/, `${what} is a whole number, such as 30.`)
    .transform(Number)
    .refine((number) => number <= max, `${what} is at most ${max}.`);
const minutes = (what: string) =>
  wholeNumber(what, MAX_MINUTES).refine((number) => number > 0, `${what} is at least 1 minute.`);
/** An empty field stands for `empty`; what is wrong with another is said in the schema's own words. */
function orEmpty<T extends z.ZodType<unknown, string>, const E>(schema: T, empty: E) {
  return z.string().transform((text, issues): z.output<T> | E => {
    if (!text.trim()) return empty;
    const { data, error } = schema.safeParse(text);
    if (!error) return data as z.output<T>;
    for (const { message } of error.issues) issues.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}
const minutesOrNone = (what: string) => orEmpty(minutes(what), null);

const listOfMinutes = (what: string) =>
  z
    .string()
    .trim()
    .regex(/^(\d{1,4}( *, *\d{1,4})*)?$/, `${what} are minutes with commas between them, such as 10, 0.`)
    .transform((text) => [...new Set(text.split(',').filter((part) => part.trim()))].map(Number))
    .refine((list) => list.length <= 6, `${what} are six at most.`);

const policyInput = z.object({
  meaning: singleLine(200, 'What it means'),
  respondWithin: orEmpty(minutes('The time to respond'), 'next_business_day'),
  firstPublicUpdate: minutesOrNone('The time to the first public update'),
  publicUpdateEvery: minutesOrNone('The time between public updates'),
  internalUpdateEvery: minutesOrNone('The time between internal updates'),
  businessHoursOnly: z.boolean(),
  remindFirstAfter: listOfMinutes('The reminders of the first update').transform(ascending),
  remindBefore: listOfMinutes('The reminders before an update').transform((list) =>
    ascending(list).reverse(),
  ),
  lateTell: z.array(z.enum(DUTY_ROLES, { error: 'Choose roles from the list.' })),
  lateEvery: minutes('The time between calls when late'),
  postWhenLate: z.boolean(),
  subscriberOpeningAfter: orEmpty(wholeNumber('The wait before subscribers hear', MAX_MINUTES), 'digest'),
  subscriberUpdateEvery: wholeNumber('The time between mails to subscribers', MAX_MINUTES),
  subscriberStatusAtOnce: z.boolean(),
  watchBeforeResolving: minutesOrNone('The time to watch before resolving'),
  postmortemWithinHours: orEmpty(wholeNumber('The time to the postmortem', 24 * 365), null),
  // Left out where it is off, as in what was agreed before there was such a choice.
  needsApproval: z
    .boolean()
    .optional()
    .transform((on) => on || undefined),
});

const clockTime = (what: string) =>
  z
    .string()
    .trim()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, `${what} is a time such as 09:00.`);

const hoursInput = z
  .object({
    opens: clockTime('The opening'),
    closes: clockTime('The close'),
    weekdays: z
      .array(z.coerce.number().int().min(1).max(7))
      .min(1, 'Choose at least one day on which you work.'),
    holidays: optional(multiLine(4000, 'The holidays')).transform((text, issues) => {
      const days = (text ?? '').split(/[\s,]+/).filter(Boolean);
      const wrong = days.find((day) => !isDay(day));
      if (!wrong) return [...new Set(days)].sort();
      issues.addIssue({ code: 'custom', message: `“${wrong}” is no day. Write it as 2026-12-25.` });
      return z.NEVER;
    }),
  })
  .refine(({ opens, closes }) => opens !== closes, {
    path: ['closes'],
    message: 'The close is the opening. Set it later, or earlier for hours that go past midnight.',
  });

export const policiesInput = z.object({
  SEV1: policyInput,
  SEV2: policyInput,
  SEV3: policyInput,
  SEV4: policyInput,
  hours: hoursInput,
  reason: optional(singleLine(300, 'The reason')),
});

/** What holds now, and all that was agreed before, the latest first. */
export async function getPolicies(ctx: Ctx): Promise<{ current: PolicyVersion; history: AgreedVersion[] }> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => ({ current: await currentPolicies(tx), history: await listPolicies(tx) }));
}

/**
 * Agrees on other policies, or other hours, for whatever is declared from now on. What is open keeps the ones it was declared under, in the
 * zone that the page had then.
 * The same again writes nothing.
 * @returns whether anything changed
 */
export async function savePolicies(ctx: Ctx, input: z.infer<typeof policiesInput>): Promise<boolean> {
  requirePermission(ctx.actor, 'settings.write');
  const now = ctx.now();
  return ctx.db.write(async (tx) => {
    const current = await currentPolicies(tx);
    const policyOf = (severity: Severity) => ({ ...current.policies[severity], ...input[severity] });
    const policies: Policies = {
      SEV1: policyOf('SEV1'),
      SEV2: policyOf('SEV2'),
      SEV3: policyOf('SEV3'),
      SEV4: policyOf('SEV4'),
    };
    const same =
      JSON.stringify([policies, input.hours]) === JSON.stringify([current.policies, current.hours]);
    if (same) return false;
    const seq = await insertPolicies(tx, {
      policies,
      hours: input.hours,
      at: now,
      by: actorLabel(ctx.actor),
      reason: input.reason ?? null,
    });
    await insertAudit(tx, ctx, {
      action: 'policies.save',
      subjectKind: 'policies',
      subjectId: String(seq),
      detail: { text: input.reason ?? 'Policies changed' },
    });
    return true;
  });
}

const paceReason = singleLine(300, 'The reason');
export const reasonInput = z.object({ reason: paceReason });
export const paceInput = z.object({
  publicUpdateEvery: minutes('The time between public updates'),
  internalUpdateEvery: minutesOrNone('The time between internal updates'),
  reason: paceReason,
});

/**
 * Agrees on a pace for one incident in the place of its policy's: slower for a long one, or quicker. It counts from the next update, or
 * from now on where none was due; what has been promised stays promised.
 * @throws AppError conflict when it is over, has no pace of its own, or was changed since `version`
 */
export async function setOwnPace(
  ctx: Ctx,
  input: z.infer<typeof paceInput> & { incidentId: string; version: number },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  const { publicUpdateEvery, internalUpdateEvery, reason } = input;
  await ctx.db.write(async (tx) => {
    const incident = await openIncident(tx, ctx, input);
    // Its commander is the one who is asked for it, whatever their role in the house.
    const commander = (await listRoleHolders(tx, incident.seq)).find(
      ({ role }) => role === 'incident_commander',
    );
    if (commander?.userId !== userIdOf(ctx.actor)) requirePermission(ctx.actor, 'incident.publish');
    const ownPace = { publicUpdateEvery, internalUpdateEvery };
    const pace = await paceOf(tx, { ...incident, ownPace });
    await updateIncident(
      tx,
      incident.seq,
      { ownPace, pacedAt: now, ...clocksUnder(incident, pace, now) },
      now,
    );
    await insertAudit(tx, ctx, {
      action: 'incident.pace',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `From now on an update every ${publicUpdateEvery} minutes`, note: reason },
    });
  });
}

/** Puts an open incident under the policies that hold now, and ends a pace of its own. Promises that were made stay. */
export async function useCurrentPolicies(
  ctx: Ctx,
  input: { incidentId: string; version: number; reason: string },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.publish');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await openIncident(tx, ctx, input);
    const { seq } = await currentPolicies(tx);
    const { timeZone } = await getPage(tx);
    const under = { policySeq: seq, paceZone: timeZone, ownPace: null };
    const pace = await paceOf(tx, { ...incident, ...under });
    await updateIncident(
      tx,
      incident.seq,
      { ...under, pacedAt: now, ...clocksUnder(incident, pace, now) },
      now,
    );
    await insertAudit(tx, ctx, {
      action: 'incident.policies',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: 'Goes by the policies of today', note: input.reason },
    });
  });
}

async function openIncident(
  tx: Tx,
  ctx: Ctx,
  { incidentId, version }: { incidentId: string; version: number },
) {
  const incident = await requireIncident(tx, incidentId, version, ctx.actor);
  if (incident.kind === 'incident' && incident.hasCadence && !isOver(incident.status)) return incident;
  throw new AppError('conflict', 'Only an open incident that keeps a pace can be given another.', {
    fix: 'Adopt it first if it was imported, or reopen it if it is not over.',
  });
}

function ascending(list: readonly number[]): number[] {
  return [...list].sort((a, b) => a - b);
}

/** YYYY-MM-DD, and such a day exists. */
function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && parseInstant(`${text}T12:00Z`) !== null;
}
