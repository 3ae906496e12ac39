import { z } from 'zod';
import {
  type Audience,
  type AudienceMember,
  countAudienceMembers,
  deleteAudience as deleteAudienceRow,
  insertAudiences,
  listAudienceMembers,
  listAudiences as listAudienceRows,
  removeAllMembers,
  updateAudience,
} from '#db/audiences.ts';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { currentPolicies } from '#db/policies.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { type Policies, SEVERITIES, type Severity } from '#domain/severity.ts';
import {
  ACCOUNTS,
  AUDIENCE_FACTS,
  AUDIENCE_KINDS,
  DEFAULT_AUDIENCES,
  factsFor,
  introVariables,
  isFromPolicies,
  unusableVariables,
} from '#domain/stakeholders.ts';
import { optional, singleLine } from '#domain/text.ts';

export { addChat, addMember, chatInput, memberInput, pasteMembers, removeMember } from './audienceMembers.ts';
export type { Audience, AudienceMember };

/** An audience with how many it has, and of which severities it is told now. */
export type AudienceRow = Audience & { people: number; told: Severity[] };

/** The four audiences of the policy table: those that are missing are made. */
export async function ensureAudiences(ctx: Ctx): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  await ctx.db.write((tx) =>
    insertAudiences(
      tx,
      DEFAULT_AUDIENCES.map((audience) => ({ ...audience, severities: null })),
    ),
  );
}

export async function listAudiences(ctx: Ctx): Promise<AudienceRow[]> {
  requirePermission(ctx.actor, 'audience.write');
  return ctx.db.read(async (tx) => {
    const counts = await countAudienceMembers(tx);
    const { policies } = await currentPolicies(tx);
    return (await listAudienceRows(tx)).map((audience) => ({
      ...audience,
      people: counts.get(audience.id) ?? 0,
      told: toldOf(audience, policies),
    }));
  });
}

/** @throws AppError not_found */
export async function getAudience(
  ctx: Ctx,
  id: string,
): Promise<{ audience: AudienceRow; members: AudienceMember[]; byPolicies: Severity[] }> {
  requirePermission(ctx.actor, 'audience.write');
  return ctx.db.read(async (tx) => {
    const audience = (await listAudienceRows(tx)).find((row) => row.id === id) ?? missing();
    const { policies } = await currentPolicies(tx);
    const members = await listAudienceMembers(tx, id);
    return {
      audience: { ...audience, people: members.length, told: toldOf(audience, policies) },
      members,
      byPolicies: toldOf({ ...audience, severities: null }, policies),
    };
  });
}

function toldOf({ id, severities }: Pick<Audience, 'id' | 'severities'>, policies: Policies): Severity[] {
  return (
    severities ??
    SEVERITIES.filter((severity) => (policies[severity].audiences as readonly string[]).includes(id))
  );
}

const shape = {
  name: singleLine(80, 'The name'),
  kind: z.enum(AUDIENCE_KINDS, { error: 'Choose whether they are inside or outside.' }),
  /** null: as the policies say. */
  severities: z.array(z.enum(SEVERITIES, { error: 'Choose severities from SEV1 to SEV4.' })).nullable(),
  intro: optional(singleLine(400, 'The first line')),
  facts: z.array(z.enum(AUDIENCE_FACTS, { error: 'Choose facts from the list.' })),
};
export const audienceInput = z.object(shape);
export type AudienceInput = z.infer<typeof audienceInput>;

/** @throws AppError invalid with the field at fault, conflict when another is called so */
export async function createAudience(ctx: Ctx, input: AudienceInput): Promise<string> {
  requirePermission(ctx.actor, 'audience.write');
  const id = ctx.newId();
  const audience = checked(id, input);
  await ctx.db.write(async (tx) => {
    const all = await listAudienceRows(tx);
    refuseTaken(all, id, input.name);
    await insertAudiences(tx, [{ ...audience, id, position: (all.at(-1)?.position ?? 0) + 1 }]);
    await insertAudit(tx, ctx, { ...about('audience.create', id), detail: { name: input.name } });
  });
  return id;
}

/** @throws AppError not_found, invalid with the field at fault, conflict when another is called so */
export async function saveAudience(ctx: Ctx, id: string, input: AudienceInput): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  await ctx.db.write(async (tx) => {
    const all = await listAudienceRows(tx);
    if (!all.some((audience) => audience.id === id)) missing();
    const audience = checked(id, input);
    refuseTaken(all, id, input.name);
    await updateAudience(tx, id, audience);
    await insertAudit(tx, ctx, { ...about('audience.change', id), detail: audience });
  });
}

/** Its people are told nothing more as people of it. @throws AppError not_found, conflict for one of the policy table */
export async function deleteAudience(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const audience = (await listAudienceRows(tx)).find((row) => row.id === id) ?? missing();
    if (isFromPolicies(id))
      throw new AppError('conflict', 'The policies name this audience, so it stays.', {
        fix: 'Choose that it is told of nothing, or take its people out.',
      });
    await removeAllMembers(tx, id, now);
    await deleteAudienceRow(tx, id);
    await insertAudit(tx, ctx, { ...about('audience.delete', id), detail: { name: audience.name } });
  });
}

/** What was sent, as it may be kept: facts that such people may not have are left out. */
function checked(id: string, input: AudienceInput): Omit<Audience, 'id' | 'position'> {
  const problems: FieldProblem[] = [];
  const { name, kind, intro } = input;
  if (id === ACCOUNTS && kind !== 'outside')
    problems.push({ field: 'kind', message: 'Accounts are customers: they are always outside.' });
  const unusable = intro ? unusableVariables(intro, kind) : [];
  if (unusable.length) {
    const usable = introVariables(kind).map((variable) => `{{${variable.name}}}`);
    problems.push({
      field: 'intro',
      message: `${unusable.map((one) => `{{${one}}}`).join(', ')} cannot stand here. Use ${usable.join(', ')}.`,
    });
  }
  if (input.severities === null && !isFromPolicies(id))
    problems.push({
      field: 'severities',
      message: 'The policies do not name this audience. Choose severities.',
    });
  if (problems.length) throw new AppError('invalid', 'It cannot be kept like this.', { problems });
  const { severities } = input;
  return {
    name,
    kind,
    intro,
    severities: severities && SEVERITIES.filter((severity) => severities.includes(severity)),
    facts: factsFor(kind).filter((fact) => input.facts.includes(fact)),
  };
}

function refuseTaken(all: readonly Audience[], id: string, name: string): void {
  const taken = all.some((one) => one.id !== id && one.name.toLowerCase() === name.toLowerCase());
  if (!taken) return;
  const message = 'Another audience is called so. Choose another name.';
  throw new AppError('conflict', message, { problems: [{ field: 'name', message }] });
}

function about(action: string, id: string) {
  return { action, subjectKind: 'audience', subjectId: id };
}

function missing(): never {
  throw new AppError('not_found', 'There is no such audience.', { fix: 'Choose one from the list.' });
}
