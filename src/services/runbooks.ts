import { z } from 'zod';
import { type AuditRow, insertAudit, listAuditOf } from '#db/audit.ts';
import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import * as rows from '#db/runbooks.ts';
import { listUsers } from '#db/users.ts';
import { DEFAULT_RUNBOOKS } from '#domain/defaultRunbooks.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { actorLabel, may, requirePermission, userIdOf } from '#domain/permissions.ts';
import { fitsText, parseSteps, type Review, type Runbook, reviewOf, stepsText } from '#domain/runbooks.ts';
import { SEVERITIES } from '#domain/severity.ts';
import { multiLine, optional, singleLine } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';
import type { Person } from './people.ts';

/** A runbook, and when it must be reviewed. */
export type RunbookView = Runbook & { review: Review };

export const runbookInput = z.object({
  title: singleLine(100, 'The title'),
  severities: z
    .array(z.enum(SEVERITIES, { error: 'Choose severities from SEV1 to SEV4.' }))
    .transform((chosen) => SEVERITIES.filter((severity) => chosen.includes(severity))),
  componentId: optional(z.string()),
  ownerId: optional(z.string()),
  steps: multiLine(20_000, 'The list of steps').transform((text, issues) => {
    const parsed = parseSteps(text);
    if ('steps' in parsed) return parsed.steps;
    issues.addIssue({ code: 'custom', message: parsed.problem });
    return z.NEVER;
  }),
});
export type RunbookInput = z.infer<typeof runbookInput>;

/** All of them, by title. */
export async function listRunbooks(ctx: Ctx): Promise<RunbookView[]> {
  requirePermission(ctx.actor, 'incident.read');
  return readViews(ctx);
}

/**
 * Those that the actor keeps and that nobody has reviewed within a quarter; for an owner of the house also those that nobody keeps who can
 * sign in and change them.
 */
export async function listOverdueOwn(ctx: Ctx): Promise<RunbookView[]> {
  requirePermission(ctx.actor, 'incident.read');
  const own = userIdOf(ctx.actor);
  if (own === null) return [];
  const overdue = (await readViews(ctx)).filter(({ review }) => review.overdue);
  if (!overdue.length) return [];
  const keepers = (await ctx.db.read(possibleOwners)).map(({ id }) => id);
  const answersForAll = may(ctx.actor, 'user.write');
  return overdue.filter(
    ({ owner }) => owner?.id === own || (answersForAll && !(owner && keepers.includes(owner.id))),
  );
}

async function readViews(ctx: Ctx): Promise<RunbookView[]> {
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const { timeZone } = await getPage(tx);
    return (await rows.listRunbooks(tx)).map((runbook) => ({
      ...runbook,
      review: reviewOf(runbook, now, timeZone),
    }));
  });
}

/** What was done to a runbook, the latest first; `before` is how its steps read until then, null where they stayed. */
export type RunbookChange = { at: Instant; actor: string; action: string; before: string | null };

/** @throws AppError not_found */
export async function getRunbook(
  ctx: Ctx,
  id: string,
): Promise<{ runbook: RunbookView; history: RunbookChange[] }> {
  requirePermission(ctx.actor, 'runbook.write');
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const runbook = (await rows.findRunbook(tx, id)) ?? missing();
    const { timeZone } = await getPage(tx);
    const audit = await listAuditOf(tx, 'runbook', id, ctx.actor);
    return {
      runbook: { ...runbook, review: reviewOf(runbook, now, timeZone) },
      history: audit.map(toChange).reverse(),
    };
  });
}

function toChange({ at, actor, action, detail }: AuditRow): RunbookChange {
  return { at, actor, action, before: typeof detail.stepsBefore === 'string' ? detail.stepsBefore : null };
}

/** Who can keep a runbook right: everyone who can sign in and may change it, by name. */
export async function listRunbookOwners(ctx: Ctx): Promise<Person[]> {
  requirePermission(ctx.actor, 'runbook.write');
  return (await ctx.db.read(possibleOwners)).sort((a, b) => a.name.localeCompare(b.name));
}

async function possibleOwners(tx: Tx): Promise<Person[]> {
  const users = await listUsers(tx);
  return users
    .filter((user) => user.disabledAt === null && may({ kind: 'user', ...user }, 'runbook.write'))
    .map(({ id, name }) => ({ id, name }));
}

/**
 * Writes a runbook, which counts as its first review, or changes the one whose id is given, if it still stands in this version.
 * Incidents keep the steps that they were given before.
 * @returns its id
 * @throws AppError not_found, invalid with the field at fault, conflict when someone changed it meanwhile or another is called so
 */
export async function saveRunbook(
  ctx: Ctx,
  target: { id: string; version: number } | null,
  input: RunbookInput,
): Promise<string> {
  requirePermission(ctx.actor, 'runbook.write');
  const now = ctx.now();
  const id = target?.id ?? ctx.newId();
  await ctx.db.write(async (tx) => {
    const before = target && ((await rows.findRunbook(tx, id)) ?? missing());
    await refuseWrong(tx, id, input);
    const runbook = { ...input, id };
    if (target && !(await rows.updateRunbook(tx, runbook, target.version))) changedMeanwhile();
    if (!target)
      await rows.insertRunbook(tx, runbook, { now, reviewed: { at: now, by: actorLabel(ctx.actor) } });
    const after = await rows.findRunbook(tx, id);
    await insertAudit(tx, ctx, {
      ...about(before ? 'runbook.change' : 'runbook.create', id),
      detail: before && after ? changesOf(before, after) : { title: input.title },
    });
  });
  return id;
}

/** What was otherwise before: this is the runbook's history, so it holds whole what was written. */
function changesOf(before: Runbook, after: Runbook): Record<string, unknown> {
  const was = (name: string, of: (runbook: Runbook) => string | null) =>
    of(before) === of(after) ? {} : { [name]: of(before) ?? 'nobody' };
  return {
    title: after.title,
    ...was('titleBefore', ({ title }) => title),
    ...was('forBefore', fitsText),
    ...was('ownerBefore', ({ owner }) => owner?.name ?? null),
    ...was('stepsBefore', ({ steps }) => stepsText(steps)),
  };
}

/**
 * Says that the runbook is right as it stands.
 * @throws AppError not_found, conflict when someone changed it since it was read
 */
export async function reviewRunbook(ctx: Ctx, input: { id: string; version: number }): Promise<void> {
  requirePermission(ctx.actor, 'runbook.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const { title } = (await rows.findRunbook(tx, input.id)) ?? missing();
    if (!(await rows.reviewRunbook(tx, input, { at: now, label: actorLabel(ctx.actor) }))) changedMeanwhile();
    await insertAudit(tx, ctx, { ...about('runbook.review', input.id), detail: { title } });
  });
}

/** Incidents keep the steps that they were given. @throws AppError not_found */
export async function deleteRunbook(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'runbook.write');
  await ctx.db.write(async (tx) => {
    const { title, steps } = (await rows.findRunbook(tx, id)) ?? missing();
    await rows.deleteRunbook(tx, id);
    await insertAudit(tx, ctx, {
      ...about('runbook.delete', id),
      detail: { title, stepsBefore: stepsText(steps) },
    });
  });
}

/**
 * Takes the suggestions over, those whose title is not taken, owned by whoever does so where they can own one. Nobody has read them yet,
 * so none is reviewed.
 * @returns how many were added
 */
export async function takeSuggestedRunbooks(ctx: Ctx): Promise<number> {
  requirePermission(ctx.actor, 'runbook.write');
  const now = ctx.now();
  return ctx.db.write(async (tx) => {
    const taken = (await rows.listRunbooks(tx)).map(({ title }) => title.toLowerCase());
    const added = DEFAULT_RUNBOOKS.filter(({ title }) => !taken.includes(title.toLowerCase()));
    for (const { title, severities, steps } of added) {
      const id = ctx.newId();
      const runbook = { id, title, severities, componentId: null, ownerId: userIdOf(ctx.actor) };
      await rows.insertRunbook(
        tx,
        { ...runbook, steps: steps.map((text) => ({ text, link: null })) },
        { now, reviewed: null },
      );
      await insertAudit(tx, ctx, { ...about('runbook.create', id), detail: { title } });
    }
    return added.length;
  });
}

async function refuseWrong(tx: Tx, id: string, input: RunbookInput): Promise<void> {
  const problems: FieldProblem[] = [];
  const others = (await rows.listRunbooks(tx)).filter((runbook) => runbook.id !== id);
  if (others.some(({ title }) => title.toLowerCase() === input.title.toLowerCase()))
    problems.push({ field: 'title', message: 'Another runbook is called so. Choose another title.' });
  if (input.componentId !== null && !(await findComponents(tx, [input.componentId])).length)
    problems.push({ field: 'componentId', message: 'There is no such component. Choose one from the list.' });
  const owners = await possibleOwners(tx);
  if (input.ownerId !== null && !owners.some((owner) => owner.id === input.ownerId))
    problems.push({
      field: 'ownerId',
      message: 'They cannot keep a runbook: choose someone who can sign in and may change it.',
    });
  if (problems.length) throw new AppError('invalid', 'It cannot be kept like this.', { problems });
}

function about(action: string, id: string) {
  return { action, subjectKind: 'runbook', subjectId: id };
}

function changedMeanwhile(): never {
  throw new AppError('conflict', 'Someone changed this runbook while you had it open.', {
    fix: 'Look at what it says now, then send yours again. What you typed is kept.',
  });
}

function missing(): never {
  throw new AppError('not_found', 'There is no such runbook: it may have been deleted.', {
    fix: 'Choose one from the list of runbooks.',
  });
}
