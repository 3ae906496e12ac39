import { createUser } from '#auth/accounts.ts';
import type { Ctx } from '#db/context.ts';
import { createAccount } from '#services/accounts.ts';
import { sendBack } from '#services/approvals.ts';
import { addChat, addMember, createAudience } from '#services/audiences.ts';
import { saveDraft } from '#services/drafts.ts';
import { dropRest } from '#services/dropRest.ts';
import { writeNote } from '#services/dutyNotes.ts';
import { listOutgoing, stopSending } from '#services/fanoutControl.ts';
import { addIncidentRunbook, listIncidentRunbooks, tickStep } from '#services/incidentRunbooks.ts';
import {
  addLogEntry,
  assignRole,
  correctComponents,
  declareIncident,
  editUpdate,
  getIncident,
  type PostInput,
  postUpdate,
} from '#services/incidents.ts';
import { getPolicies, savePolicies, setOwnPace } from '#services/policies.ts';
import { waivePostmortem } from '#services/postmortems.ts';
import { saveRunbook } from '#services/runbooks.ts';
import { saveTemplate } from '#services/templates.ts';
import { setApprover } from '#services/users.ts';
import { type Furnished, PASSWORD } from '../support/furnished.ts';
import { type Outsiders, settleOutsiders } from '../support/outsiders.ts';

/** Each field that is for people inside, with a text that stands nowhere else. */
export const INSIDE = {
  title: 'Zqtitle of what was never published',
  summary: 'Zqsummary the leader of the cluster is gone',
  commander: 'Zqcommander Person',
  scribe: 'Zqscribe Person',
  theory: 'Zqtheory split brain after the upgrade',
  nextAction: 'Zqaction promote the replica by hand',
  bridge: 'https://meet.example/zqbridge-4711',
  customers: 'Zqcustomers 4,312 of 10,077',
  figures: 'Zqfigures 81,000 euros an hour',
  scope: 'Zqscope the third rack',
  workaround: 'Zqworkaround ask Otto',
  estimate: 'Zqestimate two hours, if the disk holds',
  edited: 'Zqedited the words before the edit',
  note: 'Zqnote a line of the log',
  draft: 'Zqdraft what nobody has posted',
  postmortem: 'Zqpostmortem it was the certificate, as last time',
  waits: 'Zqwaits for somebody to approve it',
  sentBack: 'Zqsentback that is not for everyone',
  reason: 'Zqreason why it was over so soon',
  raise: 'Zqraise it is everyone now',
  pace: 'Zqpace the engineers must sleep',
  policies: 'Zqpolicies the board wants it quicker',
  waived: 'Zqwaived nobody was hurt',
  runbook: 'Zqrunbook what to do when payments fail',
  step: 'Zqstep ring Otto before anyone else',
  stepLink: 'https://wiki.example/zqlink-0815',
  ticker: 'Zqticker Person',
  added: 'Zqadded a runbook that came by hand',
  template: 'Zqtemplate for when the bank is at fault',
  audience: 'Zqaudience of the investors',
  account: 'Zqaccount Ltd',
  shift: 'Zqshift the coffee machine is broken, too',
  work: 'Zqwork the upgrade may lose a day of data',
};

/** What is said inside without a word in public, by where it can be read: for people inside only. */
export const SCREENS = ({ ids }: Furnished, { incident, never, waits }: Told): string[] => [
  `/admin/incidents/${incident}`,
  `/admin/incidents/${never}`,
  `/admin/incidents/${waits.incident}`,
  `/admin/approvals/${waits.approval}`,
  pathTo('/admin/maintenance/', ids['/admin/maintenance/[]']),
  pathTo('/admin/duty/', ids['/admin/duty/[]']),
  '/admin/audiences',
  '/admin/accounts',
  '/admin/templates',
  '/admin/audit',
  '/admin/settings/policies',
];

function pathTo(folder: string, id: string | undefined): string {
  return folder + (id as string);
}

/** Ids of incidents: one is public, one never was, and what is written of one waits for an approver. */
export type Told = { incident: string; never: string; waits: Waiting; outsiders: Outsiders };

type Waiting = { incident: string; approval: string };

const NO_FACTS = { scope: null, affected: null, workaround: null, estimate: null };
const SAID_INSIDE = {
  body: `${INSIDE.theory}. ${INSIDE.nextAction}. [Bridge](${INSIDE.bridge}). ${INSIDE.figures}`,
  affected: INSIDE.customers,
  workaround: INSIDE.workaround,
  estimate: INSIDE.estimate,
};

/**
 * An incident that is public, with something in each field inside and all that mail can come of; two that are not; and people outside who are
 * told.
 */
export async function sayItInside(house: Furnished): Promise<Told> {
  const { foghorn, users, ids } = house;
  const ctx = foghorn.contextFor({ kind: 'system', name: 'test' });
  const checkout = { id: ids['/components/[]'] as string, status: 'partial_outage' as const };
  const search = house.search;
  const outsiders = await settleOutsiders(house, search);
  await settlePartners(ctx, users.comms.id, checkout.id);

  const { id: incident } = await declareIncident(ctx, {
    title: 'Payments are slow',
    severity: 'SEV2',
    summary: INSIDE.summary,
    components: [checkout],
  });
  await staffIt(house, ctx, incident);
  const say = async (changes: Partial<PostInput>) => {
    const { version, status } = await getIncident(ctx, incident);
    const said = { incidentId: incident, version, status, components: [], notify: false };
    return postUpdate(ctx, { ...said, audience: 'internal', body: 'Internal.', ...changes });
  };
  const tell = (body: string, changes: Partial<PostInput> = {}) =>
    say({ audience: 'public', notify: true, body, ...changes });

  await say(SAID_INSIDE);
  await tell('Some payments are slow.');
  await outsiders.leave();
  await say({ ...SAID_INSIDE, scope: INSIDE.scope });
  const { updateId } = await say({ body: INSIDE.edited });
  await editUpdate(ctx, { updateId, body: `${INSIDE.theory}, mended`, ...NO_FACTS, notify: true });
  // Pulled back before it leaves.
  await tell('Cards are slow, too.');
  const [last] = await listOutgoing(ctx, incident);
  await stopSending(ctx, last?.noticeId as string);
  await dropRest(ctx, last?.noticeId as string);
  // What concerns people outside from now on is told to them by an update that they may not read.
  await say({ body: INSIDE.raise, severity: 'SEV1' });
  const { updateId: wrong } = await tell('Payments work agian.', { status: 'monitoring' });
  const right = { updateId: wrong, body: 'Payments work again.', ...NO_FACTS };
  await editUpdate(ctx, { ...right, notify: true, wrong: 'One word was misspelt.' });
  const { version } = await getIncident(ctx, incident);
  await setOwnPace(ctx, {
    incidentId: incident,
    version,
    publicUpdateEvery: 120,
    internalUpdateEvery: null,
    reason: INSIDE.pace,
  });
  const touched = await getIncident(ctx, incident);
  await correctComponents(ctx, {
    incidentId: incident,
    version: touched.version,
    components: [{ id: search, status: 'degraded_performance' }],
  });
  await outsiders.comeBack();
  await say({ ...SAID_INSIDE, severity: 'SEV3' });
  await tell('All is well.', { status: 'resolved', severity: 'SEV2', reason: INSIDE.reason });
  await addLogEntry(ctx, { incidentId: incident, body: INSIDE.note });
  await draftIt(house, incident);
  await waivePostmortem(ctx, { incidentId: incident, reason: INSIDE.waived });

  const { id: never } = await declareIncident(ctx, {
    title: INSIDE.title,
    severity: 'SEV1',
    summary: INSIDE.summary,
    components: [{ ...checkout, status: 'major_outage' }],
  });
  await sayOfWork(ctx, ids['/admin/maintenance/[]'] as string);
  return { incident, never, waits: await letItWait(house), outsiders };
}

/** Whom its incident concerns outside the house, but for a few who are not: an audience and an account without a soul. */
async function settlePartners(ctx: Ctx, contactId: string, componentId: string): Promise<void> {
  const partners = await createAudience(ctx, {
    name: 'Partners',
    kind: 'outside',
    severities: ['SEV1', 'SEV2', 'SEV3'],
    intro: '{{components}}: {{title}}',
    facts: ['inside', 'insideAtOnce', 'team', 'affected', 'components', 'before'],
  });
  await addMember(ctx, partners, { address: 'partner@private.example', name: 'Pia' });
  await addChat({ ...ctx, hooks: { ...ctx.hooks, resolve: async () => ['93.184.215.14'] } }, partners, {
    channel: 'slack',
    url: 'https://hooks.slack.com/services/T0/B0/outside',
    name: null,
    owner: 'owner@private.example',
  });
  await createAudience(ctx, {
    name: INSIDE.audience,
    kind: 'inside',
    severities: ['SEV1', 'SEV2', 'SEV3'],
    intro: null,
    facts: ['inside'],
  });
  await createAccount(ctx, { name: INSIDE.account, contactId, components: [componentId] });
}

/** Who leads it, and what they are to do. */
async function staffIt({ foghorn, users, ids }: Furnished, ctx: Ctx, incidentId: string): Promise<void> {
  const people = await Promise.all(
    [INSIDE.commander, INSIDE.scribe].map((name, index) =>
      createUser(ctx, { email: `role${index}@staff.example`, name, role: 'responder', password: PASSWORD }),
    ),
  );
  const [commander, scribe] = people.map(({ id }) => id) as [string, string];
  await assignRole(ctx, { incidentId, role: 'incident_commander', userId: commander });
  await assignRole(ctx, { incidentId, role: 'scribe', userId: scribe });
  const steps = [{ text: INSIDE.step, link: INSIDE.stepLink }];
  const runbook = { componentId: ids['/components/[]'] as string, ownerId: users.comms.id, steps };
  await saveRunbook(ctx, null, { ...runbook, title: INSIDE.runbook, severities: [] });
  const spare = { title: INSIDE.added, severities: ['SEV4' as const], componentId: null, ownerId: null };
  const runbookId = await saveRunbook(ctx, null, { ...spare, steps: [{ text: INSIDE.step, link: null }] });
  await addIncidentRunbook(ctx, { incidentId, runbookId });
  const { given } = await listIncidentRunbooks(ctx, incidentId);
  const step = given.find(({ title }) => title === INSIDE.added)?.steps[0]?.seq as number;
  const ticker = foghorn.contextFor({ kind: 'system', name: INSIDE.ticker });
  await tickStep(ticker, { incidentId, step, done: true });
  await saveTemplate(ctx, null, {
    kind: 'progress',
    variant: '',
    name: INSIDE.template,
    body: INSIDE.template,
    status: null,
  });
  const shift = ids['/admin/duty/[]'] as string;
  await writeNote(ctx, shift, { note: INSIDE.shift, noteAt: null });
}

/** What was typed and nobody has posted. */
async function draftIt({ foghorn, users }: Furnished, subject: string): Promise<void> {
  for (const [role, fields] of [
    ['comms', { body: INSIDE.draft }],
    ['owner', { status: 'postmortem', body: INSIDE.postmortem }],
  ] as const) {
    const person = { kind: 'user', name: `Person ${role}`, role, ...users[role] } as const;
    await saveDraft(foghorn.contextFor(person), { subject, fields });
  }
}

/** Something inside about planned work that everyone knows of. */
async function sayOfWork(ctx: Ctx, incidentId: string): Promise<void> {
  const { version, status } = await getIncident(ctx, incidentId);
  const said = { incidentId, version, status, components: [], notify: false };
  await postUpdate(ctx, { ...said, audience: 'internal', body: INSIDE.work });
}

/** An update that nobody has approved, and one that was sent back. */
async function letItWait({ foghorn, users }: Furnished): Promise<Waiting> {
  const ctx = foghorn.contextFor({ kind: 'system', name: 'test' });
  const { current } = await getPolicies(ctx);
  const { policies, hours } = current;
  const SEV3 = { ...policies.SEV3, needsApproval: true };
  await savePolicies(ctx, { ...policies, SEV3, hours, reason: INSIDE.policies } as never);
  await setApprover(ctx, { userId: users.owner.id, approver: true });
  const as = (role: 'comms' | 'owner') =>
    foghorn.contextFor({ kind: 'user', name: `Person ${role}`, role, ...users[role] });
  const { id } = await declareIncident(ctx, { title: 'Search is slow', severity: 'SEV3', components: [] });
  const write = async (body: string) => {
    const { version, status } = await getIncident(ctx, id);
    const said = { incidentId: id, version, status, components: [], notify: true };
    return postUpdate(as('comms'), { ...said, audience: 'public', body });
  };
  const { updateId: approvalId } = await write(`${INSIDE.waits}, the first time`);
  await sendBack(as('owner'), { approvalId, reason: INSIDE.sentBack });
  const { updateId: approval } = await write(INSIDE.waits);
  return { incident: id, approval };
}
