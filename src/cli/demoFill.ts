import { join } from 'node:path';
import { createUser } from '#auth/accounts.ts';
import { type Config, readConfig } from '#config';
import { listAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { startDispatcher } from '#delivery/dispatcher.ts';
import { wholeMinute } from '#domain/cadence.ts';
import type { Actor } from '#domain/permissions.ts';
import { AUDIENCE_IDS } from '#domain/severity.ts';
import { addDays, addMs, DAY, dayIn, HOUR, type Instant, MINUTE } from '#domain/time.ts';
import { createAccount } from '#services/accounts.ts';
import { addMember } from '#services/audiences.ts';
import { createComponent, createGroup } from '#services/components.ts';
import { listFanouts } from '#services/deliveries.ts';
import { repeatShifts } from '#services/dutyRotation.ts';
import { listIncidentRunbooks, tickStep } from '#services/incidentRunbooks.ts';
import { addLogEntry, assignRole, declareIncident, getIncident, postUpdate } from '#services/incidents.ts';
import { endMaintenance, scheduleMaintenance, startMaintenance } from '#services/maintenance.ts';
import { saveRunbook } from '#services/runbooks.ts';
import { saveSettings } from '#services/settings.ts';
import { importSubscribers } from '#services/subscriberImport.ts';
import { openFoghorn, prepareFoghorn } from '../foghorn.ts';
import {
  ACCOUNTS,
  AUDIENCE_MEMBERS,
  DEMO_PASSWORD,
  GROUPS,
  PAGE,
  PEOPLE,
  type PersonId,
  subscriberCsv,
  type Touched,
} from './demoData.ts';
import { PAST_INCIDENTS, PAST_MAINTENANCES, type PastIncident, type PastMaintenance } from './demoHistory.ts';
import { CHECKOUT_FAILURES, LATE_WEBHOOKS, type OpenIncident, PLANNED, type Planned } from './demoNow.ts';
import { RUNBOOKS } from './demoRunbooks.ts';

/** What the filling needs: a context for anyone at any time, and what has been made so far. */
type Filling = {
  now: Instant;
  config: Config;
  /** As this person, or as the demo itself, at this time. */
  at: (instant: Instant, person?: PersonId) => Ctx;
  components: Map<string, string>;
  people: Map<PersonId, string>;
};

/** Fills an empty SQLite database in the folder with Harbour as it is at `now`, through the same services as everyone. */
export async function fillDemo(folder: string, now: Instant): Promise<void> {
  const foghorn = await openFoghorn(demoConfig(folder));
  try {
    await prepareFoghorn(foghorn);
    const people = new Map<PersonId, string>();
    const actorOf = (person?: PersonId): Actor =>
      person
        ? { kind: 'user', id: people.get(person) as string, ...PEOPLE[person] }
        : { kind: 'system', name: 'demo' };
    const filling: Filling = {
      now,
      config: foghorn.config,
      people,
      components: new Map(),
      at: (instant, person) => ({ ...foghorn.contextFor(actorOf(person)), now: () => instant }),
    };
    await fillHouse(filling);
    for (const incident of PAST_INCIDENTS) await fillPastIncident(filling, incident);
    for (const maintenance of PAST_MAINTENANCES) await fillPastMaintenance(filling, maintenance);
    for (const planned of PLANNED) await fillPlanned(filling, planned);
    await fillRunbooks(filling);
    await fillRota(filling);
    await fillOpenIncident(filling, LATE_WEBHOOKS);
    await fillOpenIncident(filling, CHECKOUT_FAILURES);
  } finally {
    await foghorn.close();
  }
}

/** The last thing that anyone did, by its place in the audit: higher than after the filling when someone has done something since. */
export async function lastDeed(folder: string): Promise<number> {
  const foghorn = await openFoghorn(demoConfig(folder));
  try {
    const [newest] = await foghorn.db.read((tx) => listAudit(tx, null, 1));
    return newest?.seq ?? 0;
  } finally {
    await foghorn.close();
  }
}

/** How long Harbour has had a status page, and since when people follow it. */
const HOUSE_AGE = 420 * DAY;
const FOLLOWED_FOR = 60 * DAY;

async function fillHouse(filling: Filling): Promise<void> {
  const { now, at, components, people } = filling;
  const ctx = at(addMs(now, -HOUSE_AGE));
  await saveSettings(ctx, PAGE);
  for (const [person, { name, email, role }] of Object.entries(PEOPLE)) {
    const { id } = await createUser(ctx, { name, email, role, password: DEMO_PASSWORD });
    people.set(person as PersonId, id);
  }
  for (const { name, description, components: parts } of GROUPS) {
    const { id: groupId } = await createGroup(ctx, { name, description });
    for (const part of parts)
      components.set(part.name, (await createComponent(ctx, { ...part, groupId })).id);
  }
  for (const audience of AUDIENCE_IDS)
    for (const member of AUDIENCE_MEMBERS[audience]) await addMember(ctx, audience, member);
  for (const { name, contact, components: theirs, members } of ACCOUNTS) {
    const account = await createAccount(ctx, {
      name,
      contactId: people.get(contact) as string,
      components: theirs.map((one) => componentId(filling, one)),
    });
    for (const member of members) await addMember(ctx, account, member);
  }
  await importSubscribers(at(addMs(now, -FOLLOWED_FOR)), subscriberCsv());
}

/** After what is past, so that nothing is left to tick off on incidents that are long over. */
async function fillRunbooks(filling: Filling): Promise<void> {
  for (const { title, severities, component, owner, reviewedDaysAgo, steps } of RUNBOOKS)
    await saveRunbook(filling.at(addMs(filling.now, -reviewedDaysAgo * DAY), owner), null, {
      title,
      severities: [...severities],
      componentId: component && componentId(filling, component),
      ownerId: filling.people.get(owner) as string,
      steps: steps.map(([text, link = null]) => ({ text, link })),
    });
}

/** Two people take turns by the week. Whoever tries the demo out as its Communications Lead is on duty. */
async function fillRota(filling: Filling): Promise<void> {
  const [jonas, mara] = [filling.people.get('jonas') as string, filling.people.get('mara') as string];
  const began = addMs(filling.now, -3 * DAY);
  await repeatShifts(filling.at(addMs(began, -DAY), 'jonas'), {
    firstDay: dayIn(began, PAGE.timeZone),
    at: '09:00',
    weeks: 8,
    people: [jonas, mara],
    second: 'next',
    manager: mara,
  });
}

/** Noticed two minutes after it began, and lived through from there, so that there are promises to have kept. */
async function fillPastIncident(filling: Filling, past: PastIncident): Promise<void> {
  const startedAt = timeOf(filling, past);
  const declaredAt = addMs(startedAt, 2 * MINUTE);
  const { id: incidentId } = await declareIncident(filling.at(declaredAt, 'priya'), {
    title: past.title,
    severity: past.severity,
    scope: past.scope,
    startedAt,
    detectedAt: declaredAt,
    components: touched(filling, past.components),
  });
  for (const [index, { after, status, body, components }] of past.updates.entries()) {
    const ctx = filling.at(addMs(startedAt, after * MINUTE), 'jonas');
    const { version } = await getIncident(ctx, incidentId);
    await postUpdate(ctx, {
      incidentId,
      version,
      audience: 'public',
      status,
      body,
      scope: past.scope,
      components: touched(filling, components ?? (index ? [] : past.components)),
      notify: false,
      reason: status === 'resolved' ? 'Seen to work again' : null,
    });
  }
}

async function fillPastMaintenance(filling: Filling, past: PastMaintenance): Promise<void> {
  const startsAt = timeOf(filling, past);
  const id = await plan(filling, { ...past, startsAt, announcedDaysBefore: 5 });
  await begin(filling, id, startsAt);
  const ctx = filling.at(addMs(startsAt, past.hours * HOUR), 'jonas');
  const { version } = await getIncident(ctx, id);
  await endMaintenance(ctx, { maintenanceId: id, version, body: past.ending, notify: false });
}

async function fillPlanned(filling: Filling, planned: Planned): Promise<void> {
  const startsAt = wholeQuarter(addMs(filling.now, planned.startsIn * HOUR));
  const id = await plan(filling, { ...planned, startsAt });
  if (startsAt <= filling.now) await begin(filling, id, startsAt);
}

async function plan(
  filling: Filling,
  planned: Pick<Planned, 'title' | 'announcement' | 'hours' | 'components' | 'announcedDaysBefore'> & {
    startsAt: Instant;
  },
): Promise<string> {
  const ctx = filling.at(addMs(planned.startsAt, -planned.announcedDaysBefore * DAY), 'jonas');
  const { id } = await scheduleMaintenance(ctx, {
    title: planned.title,
    body: planned.announcement,
    scheduledFor: planned.startsAt,
    scheduledUntil: addMs(planned.startsAt, planned.hours * HOUR),
    components: planned.components.map((name) => componentId(filling, name)),
    notify: false,
  });
  return id;
}

async function begin(filling: Filling, id: string, at: Instant): Promise<void> {
  const ctx = filling.at(at, 'jonas');
  const { version } = await getIncident(ctx, id);
  await startMaintenance(ctx, { maintenanceId: id, version, body: 'The work has begun.', notify: false });
}

async function fillOpenIncident(filling: Filling, open: OpenIncident): Promise<void> {
  const ago = (minutes: number) => addMs(filling.now, -minutes * MINUTE);
  const declaring = filling.at(ago(open.declaredAgo), open.declaredBy);
  const { id: incidentId } = await declareIncident(declaring, {
    title: open.title,
    severity: open.severity,
    scope: open.scope,
    summary: open.summary,
    startedAt: ago(open.startedAgo),
    detectedAt: ago(open.detectedAgo),
    components: touched(filling, open.components),
  });
  await deliver(filling, ago(open.declaredAgo));
  for (const { role, person } of open.roles)
    await assignRole(declaring, { incidentId, role, userId: filling.people.get(person) as string });
  for (const { ago: minutes, by, nextWithin, notify = false, components = [], ...update } of open.updates) {
    const postedAt = ago(minutes);
    const ctx = filling.at(postedAt, by);
    const { version } = await getIncident(ctx, incidentId);
    await postUpdate(ctx, {
      ...update,
      incidentId,
      version,
      notify,
      nextUpdateBy: nextWithin === undefined ? undefined : wholeMinute(addMs(postedAt, nextWithin * MINUTE)),
      components: touched(filling, components),
    });
    await deliver(filling, postedAt);
  }
  for (const { ago: minutes, by, body } of open.log)
    await addLogEntry(filling.at(ago(minutes - 1), by), { incidentId, body, at: ago(minutes) });
  const { given } = await listIncidentRunbooks(declaring, incidentId);
  for (const { ago: minutes, by, step: words } of open.ticked) {
    const step = given.flatMap(({ steps }) => steps).find(({ text }) => text.startsWith(words));
    if (!step) throw new Error(`No runbook of the demo has the step "${words}".`);
    await tickStep(filling.at(ago(minutes), by), { incidentId, step: step.seq, done: true });
  }
}

/** Hands over what was posted then, at a time that has passed, so that the demo does not begin by sending old news. */
async function deliver({ at, config }: Filling, postedAt: Instant): Promise<void> {
  const ctx = at(addMs(postedAt, PAGE.releaseSeconds * 1_000 + 3_000));
  const dispatcher = startDispatcher({ ...ctx, config });
  try {
    for (;;) {
      const { fanouts } = await listFanouts(ctx, { limit: 100 });
      if (fanouts.every(({ expanding, waiting }) => !expanding && waiting === 0)) return;
      await new Promise((done) => setTimeout(done, 50));
    }
  } finally {
    await dispatcher.stop();
  }
}

function touched(filling: Filling, components: Touched) {
  return components.map(([name, status]) => ({ id: componentId(filling, name), status }));
}

function componentId({ components }: Filling, name: string): string {
  const id = components.get(name);
  if (!id) throw new Error(`Harbour has no component "${name}".`);
  return id;
}

function timeOf({ now }: Filling, { daysAgo, at }: { daysAgo: number; at: string }): Instant {
  return `${addDays(now.slice(0, 10), -daysAgo)}T${at}:00.000Z`;
}

function wholeQuarter(instant: Instant): Instant {
  const quarter = 15 * MINUTE;
  return addMs(instant, -(Date.parse(instant) % quarter));
}

/** Never the database that the environment names. */
export function demoConfig(folder: string): Config {
  const { PORT, SITE_URL } = process.env;
  return readConfig({
    PORT,
    SITE_URL,
    DATA_DIR: folder,
    DATABASE_URL: `sqlite:${join(folder, 'foghorn.db')}`,
    MAIL_TRANSPORT: 'file',
    MAIL_FROM: 'Harbour status <status@harbour.example>',
    LOG_LEVEL: 'silent',
  });
}
