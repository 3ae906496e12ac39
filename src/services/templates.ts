import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import * as rows from '#db/templates.ts';
import { canBeAutomatic, uncertainVariables } from '#domain/automatic.ts';
import { DEFAULT_TEMPLATES } from '#domain/defaultTemplates.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { INCIDENT_STATUSES } from '#domain/status.ts';
import {
  type Substituted,
  substitute,
  TEMPLATE_KINDS,
  TEMPLATE_VARIANTS,
  type Template,
  type VariableValues,
} from '#domain/templates.ts';
import { multiLine, optional, singleLine } from '#domain/text.ts';

export type { Template };

export const templateInput = z.object({
  kind: z.enum(TEMPLATE_KINDS, { error: 'Choose what the template is for.' }),
  variant: z.enum(TEMPLATE_VARIANTS, { error: 'Choose general, a provider’s fault or one region.' }),
  name: singleLine(80, 'The name'),
  body: multiLine(5000, 'The wording'),
  status: optional(z.enum(INCIDENT_STATUSES, { error: 'Choose one of the statuses, or none.' })),
});
export type TemplateInput = z.infer<typeof templateInput>;

export async function listTemplates(ctx: Ctx): Promise<Template[]> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read((tx) => rows.listTemplates(tx));
}

/** @throws AppError not_found */
export async function getTemplate(ctx: Ctx, id: string): Promise<Template> {
  requirePermission(ctx.actor, 'incident.read');
  return (await ctx.db.read((tx) => rows.findTemplate(tx, id))) ?? missing();
}

/** The template's wording with what is known filled in; what is not stays as `{{name}}` and is named in `missing`. */
export async function fillTemplate(
  ctx: Ctx,
  id: string,
  values: VariableValues,
): Promise<Substituted & { template: Template }> {
  const template = await getTemplate(ctx, id);
  return { template, ...substitute(template.body, values) };
}

/** Makes a template, or changes the one whose id is given. @returns its id */
export async function saveTemplate(ctx: Ctx, id: string | null, input: TemplateInput): Promise<string> {
  requirePermission(ctx.actor, 'template.write');
  const now = ctx.now();
  const template = { ...input, id: id ?? ctx.newId(), title: null };
  await ctx.db.write(async (tx) => {
    if (id === null) await rows.insertTemplates(tx, [template], now);
    else if (!(await rows.updateTemplate(tx, template, now))) missing();
    await insertAudit(tx, ctx, {
      action: id === null ? 'template.create' : 'template.change',
      subjectKind: 'template',
      subjectId: template.id,
      detail: { name: input.name, kind: input.kind },
    });
  });
  return template.id;
}

/**
 * Lets the wording be posted automatically when an update is late and the policy says so, or takes that back. Any change of the template
 * takes it back too.
 * @param body the wording that was read and approved
 * @throws AppError not_found; conflict when the wording has changed since; invalid when something in it may be unknown then
 */
export async function approveTemplate(
  ctx: Ctx,
  input: { id: string; body: string; approved: boolean },
): Promise<void> {
  requirePermission(ctx.actor, 'template.write');
  const template = await getTemplate(ctx, input.id);
  if (input.approved) refuseUncertain(template);
  await ctx.db.write(async (tx) => {
    const approved = input.approved ? { at: ctx.now(), by: actorLabel(ctx.actor) } : null;
    if (!(await rows.approveTemplate(tx, input, approved)))
      throw new AppError('conflict', 'Someone changed the wording while you were reading it.', {
        fix: 'Read it again, then approve it.',
      });
    await insertAudit(tx, ctx, {
      action: input.approved ? 'template.approve' : 'template.unapprove',
      subjectKind: 'template',
      subjectId: template.id,
      detail: { name: template.name, kind: template.kind },
    });
  });
}

function refuseUncertain(template: Template): void {
  if (!canBeAutomatic(template))
    throw new AppError(
      'invalid',
      'Only a general first update or a general holding text can be posted automatically.',
      {
        fix: 'Choose such a template, or change what this one is for.',
      },
    );
  const uncertain = uncertainVariables(template.body);
  if (uncertain.length)
    throw new AppError(
      'invalid',
      `It uses ${uncertain.map((name) => `{{${name}}}`).join(', ')}, which may be unknown when nobody is there.`,
      { fix: 'Take that out, save, then approve it.' },
    );
}

/** @throws AppError not_found */
export async function deleteTemplate(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'template.write');
  await ctx.db.write(async (tx) => {
    if (!(await rows.deleteTemplate(tx, id))) missing();
    await insertAudit(tx, ctx, { action: 'template.delete', subjectKind: 'template', subjectId: id });
  });
}

/** Gives an installation that has no template the shipped ones; called at start. @returns how many it added */
export async function ensureDefaultTemplates(ctx: Ctx): Promise<number> {
  requirePermission(ctx.actor, 'template.write');
  const now = ctx.now();
  const templates = DEFAULT_TEMPLATES.map((template) => ({ ...template, id: ctx.newId(), title: null }));
  return ctx.db.write(async (tx) => {
    if (await rows.countTemplates(tx)) return 0;
    await rows.insertTemplates(tx, templates, now);
    return templates.length;
  });
}

function missing(): never {
  throw new AppError('not_found', 'There is no such template: it may have been deleted.', {
    fix: 'Choose one from the list of templates.',
  });
}
