import { z } from 'zod';
import { type Problems, parseForm, problemsFrom, textOf } from '#components/admin/forms.ts';
import { AppError, httpStatus } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import type { AnyStatus } from '#domain/status.ts';
import { multiLine, optional, singleLine } from '#domain/text.ts';
import { discardDraft, saveDraft } from '#services/drafts.ts';
import { goOn, sendNow, stopSending } from '#services/fanoutControl.ts';
import { editUpdate, postUpdate } from '#services/incidents.ts';
import { cancelMaintenance, endMaintenance, startMaintenance } from '#services/maintenance.ts';
import type { Overlap } from '#services/maintenanceViews.ts';
import { fillTemplate } from '#services/templates.ts';
import {
  adopt,
  correct,
  letIn,
  noPostmortem,
  note,
  pace,
  policies,
  role,
  takeOut,
  times,
  title,
} from './_factActions.ts';
import { addRunbook, takeOff, tick } from './_runbooks.ts';
import { type Fields, readUpdate, variableValues } from './_update.ts';
import type { IncidentPage } from './_view.ts';
import { changeItsWindow, endNow, extendBy } from './_windowActions.ts';

/** Where to go on after a form, or which form was refused and why, with everything that was typed. */
export type Outcome = { to: string } | Refused;
export type Refused = {
  form:
    | 'post'
    | 'edit'
    | 'note'
    | 'times'
    | 'title'
    | 'correct'
    | 'role'
    | 'adopt'
    | 'pace'
    | 'outgoing'
    | 'viewers'
    | 'runbooks'
    | 'postmortem'
    | 'window';
  status: number;
  problems: Problems;
  fields: Fields;
  /** Someone else changed the incident since the form was opened. */
  stale: boolean;
  /** What a new window would overlap; announced once more, it is announced all the same. */
  overlaps?: readonly Overlap[];
};

/** Does what the pressed button says. Each form of the page names itself by its button's `do`. */
export async function act(locals: App.Locals, page: IncidentPage, form: FormData): Promise<Outcome> {
  const fields = fieldsOf(form);
  const verb = textOf(form, 'do');
  const handler = Object.hasOwn(HANDLERS, verb) ? HANDLERS[verb] : HANDLERS.preview;
  const [name, run] = handler as (typeof HANDLERS)[string];
  try {
    return await run(locals, page, fields, form);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return {
      form: name,
      status: httpStatus(error),
      problems: problemsFrom(error),
      fields,
      stale: error.code === 'conflict',
    };
  }
}

type Run = (locals: App.Locals, page: IncidentPage, fields: Fields, form: FormData) => Promise<Outcome>;

const HANDLERS: Record<string, [Refused['form'], Run]> = {
  post: ['post', (locals, page, fields) => post(locals, page, fields, true)],
  quiet: ['post', (locals, page, fields) => post(locals, page, fields, false)],
  hold: ['post', hold],
  template: ['post', useTemplate],
  preview: ['post', (locals, page, fields) => keep(locals, page, fields, 'preview')],
  draft: ['post', (locals, page, fields) => keep(locals, page, fields, 'draft')],
  discard: ['post', discard],
  edit: ['edit', edit],
  note: ['note', note],
  role: ['role', role],
  times: ['times', times],
  title: ['title', title],
  correct: ['correct', correct],
  adopt: ['adopt', adopt],
  pace: ['pace', pace],
  policies: ['pace', policies],
  sendNow: ['outgoing', (locals, page, fields) => steer(locals, page, fields, 'sent')],
  stopMail: ['outgoing', (locals, page, fields) => steer(locals, page, fields, 'stopped')],
  goOn: ['outgoing', (locals, page, fields) => steer(locals, page, fields, 'goneOn')],
  letIn: ['viewers', letIn],
  takeOut: ['viewers', takeOut],
  tick: ['runbooks', tick],
  addRunbook: ['runbooks', addRunbook],
  takeOff: ['runbooks', takeOff],
  noPostmortem: ['postmortem', noPostmortem],
  window: ['window', changeItsWindow],
  extend30: ['window', extendBy(30)],
  extend60: ['window', extendBy(60)],
  end: ['window', endNow],
};

async function post(
  locals: App.Locals,
  page: IncidentPage,
  fields: Fields,
  notify: boolean,
): Promise<Outcome> {
  const { ctx } = locals;
  const { data, problems } = readUpdate(page.subject, fields, ctx.now());
  if (!data) return { form: 'post', status: 422, problems, fields, stale: false };
  const version = Number(fields.version);
  const step = page.subject.kind === 'maintenance' ? stepOf(page.subject.status, data.status) : null;
  if (step && data.audience === 'public')
    await step(ctx, { maintenanceId: page.subject.id, version, body: data.body, notify });
  else {
    const posted = await postUpdate(ctx, {
      ...data,
      incidentId: page.subject.id,
      version,
      reason: data.reason ?? undefined,
      notify,
    });
    if (posted.waitsFor) {
      await discardDraft(ctx, page.subject.id);
      return { to: `/admin/approvals/${posted.updateId}` };
    }
  }
  await discardDraft(ctx, page.subject.id);
  const done = data.audience === 'internal' ? 'internal' : notify ? 'posted' : 'quiet';
  return { to: `${page.path}?done=${done}${done === 'posted' ? OUTGOING : ''}` };
}

/** What beginning, ending and calling off do beyond an update; null when the update only says something. */
function stepOf(from: AnyStatus, to: AnyStatus) {
  if (from === 'scheduled' && to === 'in_progress') return startMaintenance;
  if (to !== 'completed' || from === 'completed') return null;
  return from === 'scheduled' ? cancelMaintenance : endMaintenance;
}

/** Says that nothing has changed, in the wording that stands beside the button. */
async function hold({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  requirePermission(ctx.actor, 'incident.publish');
  if (!page.hold)
    throw new AppError('conflict', 'There is nothing to hold: the incident is not open to the public.');
  const posted = await postUpdate(ctx, {
    incidentId: page.subject.id,
    version: Number(fields.version),
    audience: 'public',
    status: page.subject.status,
    body: page.hold.text,
    affected: page.subject.last.affected,
    workaround: page.subject.last.workaround,
    components: [],
    notify: true,
    holding: true,
  });
  if (posted.waitsFor) return { to: `/admin/approvals/${posted.updateId}` };
  return { to: `${page.path}?done=posted${OUTGOING}` };
}

/** Where the keyboard goes on: at what is going out. */
export const OUTGOING = '#outgoing';

const STEERING = { sent: sendNow, stopped: stopSending, goneOn: goOn };

/** Sends, stops or lets go on what is going out. */
async function steer(
  { ctx }: App.Locals,
  page: IncidentPage,
  fields: Fields,
  done: keyof typeof STEERING,
): Promise<Outcome> {
  await STEERING[done](ctx, fields.notice ?? '');
  return { to: `${page.path}?done=${done}${OUTGOING}` };
}

async function useTemplate(locals: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  if (!fields.template) return keep(locals, page, fields, 'draft');
  const { ctx } = locals;
  const { template, text } = await fillTemplate(
    ctx,
    fields.template,
    variableValues(page.subject, fields, ctx.now()),
  );
  const fits = template.status !== null && page.subject.statuses.includes(template.status);
  return keep(
    locals,
    page,
    { ...fields, body: text, ...(fits && template.status && { status: template.status }) },
    'template',
  );
}

async function keep({ ctx }: App.Locals, page: IncidentPage, fields: Fields, done: string): Promise<Outcome> {
  const { do: _, template: __, ...kept } = fields;
  await saveDraft(ctx, { subject: page.subject.id, fields: kept });
  return { to: `${page.path}?done=${done}#${done === 'preview' ? 'preview' : 'post'}` };
}

async function discard({ ctx }: App.Locals, page: IncidentPage): Promise<Outcome> {
  await discardDraft(ctx, page.subject.id);
  return { to: `${page.path}?done=discarded` };
}

export const editSchema = z.object({
  body: multiLine(5000, 'The text'),
  affected: optional(singleLine(300, 'Who is affected')),
  workaround: optional(singleLine(1000, 'What still works')),
  scope: optional(singleLine(120, 'Where it is felt')),
  estimate: optional(singleLine(200, 'When it may be over')),
});

async function edit({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  const id = fields.update ?? '';
  const own = Object.fromEntries(
    Object.keys(editSchema.shape).map((name) => [name, fields[`edit-${id}-${name}`] ?? '']),
  );
  const { data, problems } = parseForm(editSchema, own);
  if (!data)
    return {
      form: 'edit',
      status: 422,
      problems: problems.map(({ field, message }) => ({ field: `edit-${id}-${field}`, message })),
      fields: { ...own, update: id },
      stale: false,
    };
  const notify = fields.notify === 'yes';
  const { told } = await editUpdate(ctx, { ...data, updateId: id, notify });
  return { to: `${page.path}?done=${notify && told === 0 ? 'editedUntold' : 'edited'}#update-${id}` };
}

function fieldsOf(form: FormData): Fields {
  const fields: Fields = {};
  for (const [name, value] of form) if (typeof value === 'string') fields[name] = value;
  return fields;
}
