import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import { accessOf, OPEN_ROUTES, withoutNames } from '#auth/routes.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { addMs, HOUR } from '#domain/time.ts';
import { addChat, addMember, createAudience } from '#services/audiences.ts';
import { saveDraft } from '#services/drafts.ts';
import { addIncidentRunbook, listIncidentRunbooks, tickStep } from '#services/incidentRunbooks.ts';
import {
  addLogEntry,
  assignRole,
  declareIncident,
  editUpdate,
  getIncident,
  type PostInput,
  postUpdate,
} from '#services/incidents.ts';
import { saveRunbook } from '#services/runbooks.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { FURNISHED_ENV, type Furnished, furnish, PASSWORD, pathOf, signInAs } from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer } from '../support/server.ts';

/** Each field that is for people inside, with a text that stands nowhere else. */
const INSIDE = {
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
  reason: 'Zqreason why it was over so soon',
  raise: 'Zqraise it is everyone now',
  runbook: 'Zqrunbook what to do when payments fail',
  step: 'Zqstep ring Otto before anyone else',
  stepLink: 'https://wiki.example/zqlink-0815',
  ticker: 'Zqticker Person',
  added: 'Zqadded a runbook that came by hand',
};
/** The first word of each: nothing that is made by chance is as long. */
const MARK = new RegExp(
  Object.values(INSIDE)
    .map((text) => /zq[a-z]+/i.exec(text)?.[0])
    .join('|'),
  'gi',
);

/** What a client may ask for: every format that one could answer with. */
const ACCEPTS = [
  'text/html',
  'application/json',
  'application/atom+xml, application/rss+xml',
  'text/calendar',
  '*/*',
];

eachDatabaseUrl('what is said inside', (place) => {
  it('is on no public route, in no format, and in no mail to anyone outside', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foghorn-inside-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const env = { DATABASE_URL: await place() };
    const house = await furnish(folder, env);
    onTestFinished(() => house.foghorn.close());
    const said = await sayItInside(house);
    const server = await startServer({ dataDir: folder, env: { ...FURNISHED_ENV, ...env } });
    onTestFinished(async () => void (await server.stop()));

    const found: string[] = [];
    const paths = [...publicPaths(house, said), ...linksOf(house)];
    expect(paths).toContain(`/incidents/${said.incident}`);
    for (const path of paths)
      for (const accept of ACCEPTS) {
        const { body, headers, status } = await ask(server.url, path, { headers: { accept } });
        const everything = `${JSON.stringify(headers)}\n${body}`;
        for (const [mark] of everything.matchAll(MARK)) found.push(`${path} (${accept}) ${status}: ${mark}`);
      }

    const mails = await mailsOf(house);
    const outside = mails.filter(
      ({ to }) => to !== 'chief@private.example' && !to.endsWith('@staff.example'),
    );
    for (const { to, subject, text } of outside)
      for (const [mark] of text.matchAll(MARK)) found.push(`mail to ${to}, ${subject}: ${mark}`);
    expect([...new Set(found)]).toEqual([]);

    // They were all there to be found: those inside have read them.
    expect([...new Set(outside.map(({ to }) => to))].sort()).toEqual([
      'acme@private.example',
      'anna@private.example',
      'https://hooks.slack.com/services/T0/B0/outside',
      'https://receiver.example/hook',
      'partner@private.example',
      'team@private.example',
    ]);
    const chief = mails.filter(({ to }) => to === 'chief@private.example').map(({ text }) => text);
    const cookie = await signInAs(server.url, house.users.comms.email);
    const screens = await Promise.all(
      [said.incident, said.never].map((id) =>
        ask(server.url, `/admin/incidents/${id}`, { headers: { cookie } }),
      ),
    );
    const read = [...chief, ...screens.map(({ body }) => body)].join('\n');
    for (const [field, text] of Object.entries(INSIDE))
      if (field !== 'reason') expect(read, field).toContain(text.replace(/^https:.*\//, ''));
    // And whoever is outside was told of the same incident, by an update and by its being raised.
    const acme = outside.filter(({ to }) => to === 'acme@private.example').map(({ text }) => text);
    for (const words of ['Some payments are slow.', 'Payments work again.', 'All is well.'])
      expect(acme.join('\n')).toContain(words);
    const pia = outside.filter(({ to }) => to === 'partner@private.example').map(({ text }) => text);
    expect(pia.join('\n')).toContain('Some payments are slow.');
  });
});

/** An incident that is public, with something in each field inside; one that is not; and people outside who are told. */
async function sayItInside({ foghorn, users, ids }: Furnished): Promise<{ incident: string; never: string }> {
  const ctx = foghorn.contextFor({ kind: 'system', name: 'test' });
  const checkout = { id: ids['/components/[]'] as string, status: 'partial_outage' as const };
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
  const people = await Promise.all(
    [INSIDE.commander, INSIDE.scribe].map((name, index) =>
      createUser(ctx, { email: `role${index}@staff.example`, name, role: 'responder', password: PASSWORD }),
    ),
  );

  const runbook = {
    title: INSIDE.runbook,
    severities: [],
    componentId: checkout.id,
    ownerId: users.comms.id,
  };
  await saveRunbook(ctx, null, { ...runbook, steps: [{ text: INSIDE.step, link: INSIDE.stepLink }] });
  const spare = { title: INSIDE.added, severities: ['SEV4' as const], componentId: null, ownerId: null };
  const runbookId = await saveRunbook(ctx, null, {
    ...spare,
    steps: [{ text: INSIDE.step, link: null }],
  });

  const { id: incident } = await declareIncident(ctx, {
    title: 'Payments are slow',
    severity: 'SEV2',
    summary: INSIDE.summary,
    components: [checkout],
  });
  await assignRole(ctx, {
    incidentId: incident,
    role: 'incident_commander',
    userId: people[0]?.id as string,
  });
  await assignRole(ctx, { incidentId: incident, role: 'scribe', userId: people[1]?.id as string });
  await addIncidentRunbook(ctx, { incidentId: incident, runbookId });
  const { given } = await listIncidentRunbooks(ctx, incident);
  const mine = given.find(({ title }) => title === INSIDE.runbook);
  const ticker = foghorn.contextFor({ kind: 'system', name: INSIDE.ticker });
  await tickStep(ticker, { incidentId: incident, step: mine?.steps[0]?.seq as number, done: true });
  const say = async (changes: Partial<PostInput>) => {
    const { version, status } = await getIncident(ctx, incident);
    return postUpdate(ctx, {
      incidentId: incident,
      version,
      status,
      audience: 'internal',
      body: 'Internal.',
      components: [],
      notify: false,
      ...changes,
    });
  };
  const inside = `${INSIDE.theory}. ${INSIDE.nextAction}. [Bridge](${INSIDE.bridge}). ${INSIDE.figures}`;
  const fields = {
    affected: INSIDE.customers,
    workaround: INSIDE.workaround,
    estimate: INSIDE.estimate,
  };
  await say({ body: inside, ...fields });
  await say({ audience: 'public', body: 'Some payments are slow.', notify: true });
  await say({ body: inside, scope: INSIDE.scope, ...fields });
  const { updateId } = await say({ body: INSIDE.edited });
  const none = { scope: null, affected: null, workaround: null, estimate: null };
  await editUpdate(ctx, { updateId, body: `${INSIDE.theory}, mended`, ...none, notify: true });
  // What concerns people outside from now on is told to them by an update that they may not read.
  await say({ body: INSIDE.raise, severity: 'SEV1' });
  await say({ audience: 'public', status: 'monitoring', body: 'Payments work again.', notify: true });
  await say({ body: inside, severity: 'SEV3', ...fields });
  await say({
    audience: 'public',
    status: 'resolved',
    body: 'All is well.',
    reason: INSIDE.reason,
    notify: true,
  });
  await addLogEntry(ctx, { incidentId: incident, body: INSIDE.note });
  const comms = { kind: 'user', name: 'Person comms', role: 'comms', ...users.comms } as const;
  await saveDraft(foghorn.contextFor(comms), { subject: incident, fields: { body: INSIDE.draft } });

  const { id: never } = await declareIncident(ctx, {
    title: INSIDE.title,
    severity: 'SEV1',
    summary: INSIDE.summary,
    components: [{ ...checkout, status: 'major_outage' }],
  });
  const released = () => addMs(ctx.now(), HOUR);
  while (await expandNextChunk({ db: foghorn.db, now: released }));
  return { incident, never };
}

/** Every route that answers without a session, as the list and the folder know them, and those of the incidents themselves. */
function publicPaths({ ids }: Furnished, { incident, never }: { incident: string; never: string }): string[] {
  const patterns = new Set([...Object.keys(OPEN_ROUTES), ...routePatterns().map(withoutNames)]);
  const open = [...patterns].filter((pattern) => accessOf(pattern) !== 'session');
  expect(open.length).toBeGreaterThan(30);
  return [
    ...open.map((pattern) => pathOf(pattern, ids)),
    `/incidents/${incident}`,
    `/incidents/${never}`,
    `/api/v2/incidents/${incident}.json`,
    `/incidents/${incident}.json`,
    '/api/v2/summary.json?callback=x',
  ];
}

/** The personal links of people outside. */
function linksOf({ links }: Furnished): string[] {
  return Object.values(links);
}

/** Every text that is on its way to someone, with its subject, headers and what a chat is told. */
async function mailsOf({ foghorn }: Furnished): Promise<{ to: string; subject: string; text: string }[]> {
  const rows = await foghorn.db.read((tx) =>
    tx
      .selectFrom('deliveries as d')
      .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
      .innerJoin('notices as n', (join) =>
        join.on((eb) =>
          // The message itself, and every other text that could go in its place.
          eb.or([eb('n.seq', '=', eb.ref('d.notice_seq')), eb('n.variant_of', '=', eb.ref('d.notice_seq'))]),
        ),
      )
      .select(['r.address', 'n.subject', 'n.html', 'n.text', 'n.headers', 'n.payload', 'n.kind'])
      .where('n.kind', 'in', ['update', 'maintenance', 'stakeholder'])
      .orderBy('d.seq')
      .execute(),
  );
  return rows.map(({ address, subject, ...all }) => ({
    to: address,
    subject,
    text: [subject, ...Object.values(all)].join('\n'),
  }));
}
