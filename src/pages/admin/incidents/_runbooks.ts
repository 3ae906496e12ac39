import { addIncidentRunbook, removeRunbook, tickStep } from '#services/incidentRunbooks.ts';

type Page = { path: string; subject: { id: string } };
type Fields = Record<string, string>;

/** Ticks the pressed step off, or opens it again; its runbook is then the one that is unfolded. */
export async function tick({ ctx }: App.Locals, page: Page, fields: Fields): Promise<{ to: string }> {
  const done = fields.step !== undefined;
  const step = seqOf(done ? fields.step : fields.again);
  await tickStep(ctx, { incidentId: page.subject.id, step, done });
  return { to: `${page.path}?runbook=${seqOf(fields.runbook)}#step-${step}` };
}

export async function addRunbook({ ctx }: App.Locals, page: Page, fields: Fields): Promise<{ to: string }> {
  await addIncidentRunbook(ctx, { incidentId: page.subject.id, runbookId: fields.runbook ?? '' });
  return { to: `${page.path}?done=runbookAdded#runbooks` };
}

export async function takeOff({ ctx }: App.Locals, page: Page, fields: Fields): Promise<{ to: string }> {
  await removeRunbook(ctx, { incidentId: page.subject.id, runbook: seqOf(fields.runbook) });
  return { to: `${page.path}?done=runbookOff#runbooks` };
}

/** What is no number is none that there is. */
function seqOf(text: string | undefined): number {
  return /^[1-9]\d{0,14}$/.test(text ?? '') ? Number(text) : 0;
}
