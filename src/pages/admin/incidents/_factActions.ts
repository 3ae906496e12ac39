import { z } from 'zod';
import { chosenComponents, touchedComponents } from '#components/admin/components.ts';
import { parseForm } from '#components/admin/forms.ts';
import { localTime } from '#components/admin/times.ts';
import { AppError } from '#domain/errors.ts';
import { multiLine, singleLine } from '#domain/text.ts';
import {
  addLogEntry,
  adoptIncident,
  assignRole,
  changeTitle,
  correctComponents,
  endRole,
  previewCorrection,
  setIncidentTimes,
} from '#services/incidents.ts';
import { paceInput, reasonInput, setOwnPace, useCurrentPolicies } from '#services/policies.ts';
import { waivePostmortem } from '#services/postmortems.ts';
import { addViewer, removeViewer } from '#services/restricted.ts';
import type { Outcome } from './_actions.ts';
import type { Fields } from './_update.ts';
import type { IncidentPage } from './_view.ts';
import { peopleText } from './_words.ts';

export async function note({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  const schema = z.object({
    note: multiLine(5000, 'The note'),
    noteAt: localTime(page.subject.zone, 'When it happened'),
  });
  const { data, problems } = parseForm(schema, fields);
  if (!data) return { form: 'note', status: 422, problems, fields, stale: false };
  await addLogEntry(ctx, { incidentId: page.subject.id, body: data.note, at: data.noteAt ?? undefined });
  return { to: `${page.path}?done=noted#timeline` };
}

export async function role({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  const known = page.facts.roles.find(({ role }) => role === fields.role);
  if (!known) throw new AppError('invalid', 'There is no such role.', { fix: 'Choose one of the roles.' });
  if (fields.user)
    await assignRole(ctx, { incidentId: page.subject.id, role: known.role, userId: fields.user });
  else await endRole(ctx, { incidentId: page.subject.id, role: known.role });
  return { to: `${page.path}?done=role` };
}

export async function times({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  const schema = z.object(
    Object.fromEntries(
      page.facts.times
        .filter(({ editable }) => editable)
        .map(({ name, label }) => [name, localTime(page.subject.zone, label)]),
    ),
  );
  const { data, problems } = parseForm(schema, fields);
  if (!data) return { form: 'times', status: 422, problems, fields, stale: false };
  await setIncidentTimes(ctx, { ...data, incidentId: page.subject.id, version: Number(fields.version) });
  return { to: `${page.path}?done=times` };
}

export async function title({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  const { data, problems } = parseForm(z.object({ title: singleLine(140, 'The title') }), fields);
  if (!data) return { form: 'title', status: 422, problems, fields, stale: false };
  await changeTitle(ctx, { incidentId: page.subject.id, version: Number(fields.version), title: data.title });
  return { to: `${page.path}?done=title` };
}

export async function correct(
  { ctx }: App.Locals,
  page: IncidentPage,
  fields: Fields,
  form: FormData,
): Promise<Outcome> {
  const { components: chosen, unknown } = touchedComponents(chosenComponents(form, 'correct'));
  if (unknown)
    return {
      form: 'correct',
      status: 422,
      problems: [{ field: 'corrects', message: 'One of the statuses is not known. Choose again.' }],
      fields,
      stale: false,
    };
  const said = new Map(page.incident.components.map(({ id, worst }) => [id, worst]));
  const components = chosen.filter(({ id, status }) => status !== said.get(id));
  if (!components.length)
    return {
      form: 'correct',
      status: 422,
      problems: [
        { field: 'corrects', message: 'Nothing differs from what was said. Change a component first.' },
      ],
      fields,
      stale: false,
    };
  const correction = { incidentId: page.subject.id, version: Number(fields.version), components };
  const told = await previewCorrection(ctx, correction);
  if (told && fields.agreed !== String(told))
    return {
      form: 'correct',
      status: 409,
      problems: [
        {
          field: 'corrects',
          message: `It tells ${peopleText(told)}: those it concerns who had heard nothing of it, and subscribers and accounts that heard of it and are not affected. Press again to do it.`,
        },
      ],
      fields: { ...fields, agreed: String(told) },
      stale: false,
    };
  await correctComponents(ctx, correction);
  return { to: `${page.path}?done=corrected` };
}

export async function pace({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  const { data, problems } = parseForm(paceInput, fields);
  if (!data) return { form: 'pace', status: 422, problems, fields, stale: false };
  await setOwnPace(ctx, { ...data, incidentId: page.subject.id, version: Number(fields.version) });
  return { to: `${page.path}?done=pace` };
}

export async function policies({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  const { data, problems } = parseForm(reasonInput, fields);
  if (!data) return { form: 'pace', status: 422, problems, fields, stale: false };
  await useCurrentPolicies(ctx, { ...data, incidentId: page.subject.id, version: Number(fields.version) });
  return { to: `${page.path}?done=pace` };
}

/** Of an incident that only some see. */
export async function letIn({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  await addViewer(ctx, { incidentId: page.subject.id, userId: fields.viewers ?? '' });
  return { to: `${page.path}?done=letIn#viewers` };
}

export async function takeOut({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  await removeViewer(ctx, { incidentId: page.subject.id, userId: fields.user ?? '' });
  const isSelf = ctx.actor.kind === 'user' && ctx.actor.id === fields.user;
  return { to: isSelf ? '/admin/incidents' : `${page.path}?done=takenOut#viewers` };
}

export async function noPostmortem(
  { ctx }: App.Locals,
  page: IncidentPage,
  fields: Fields,
): Promise<Outcome> {
  const schema = z.object({ reason: singleLine(300, 'The reason') });
  const { data, problems } = parseForm(schema, fields);
  if (!data) return { form: 'postmortem', status: 422, problems, fields, stale: false };
  await waivePostmortem(ctx, { incidentId: page.subject.id, reason: data.reason });
  return { to: `${page.path}?done=noPostmortem#postmortem` };
}

export async function adopt({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  await adoptIncident(ctx, { incidentId: page.subject.id, version: Number(fields.version) });
  return { to: `${page.path}?done=adopted` };
}
