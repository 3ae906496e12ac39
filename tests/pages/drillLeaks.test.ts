import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { accessOf, OPEN_ROUTES, withoutNames } from '#auth/routes.ts';
import { getPageVersion } from '#db/page.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { addMs, HOUR } from '#domain/time.ts';
import { readDeliveryMetrics } from '#services/deliveryMetrics.ts';
import { reviewDrill } from '#services/drillReviews.ts';
import { startDrill } from '#services/drills.ts';
import { addLogEntry, editUpdate, getIncident, type PostInput, postUpdate } from '#services/incidents.ts';
import { callStaff } from '#services/staffCalls.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { FURNISHED_ENV, type Furnished, furnish, pathOf, signInAs } from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer } from '../support/server.ts';

/** Each field of a drill, with a text that stands nowhere else. */
const PLAYED = {
  title: 'Zqtitle the card processor is gone',
  scope: 'Zqscope the third rack',
  summary: 'Zqsummary nobody knows why',
  first: 'Zqfirst some payments fail',
  affected: 'Zqaffected one in three',
  workaround: 'Zqworkaround bank transfer',
  estimate: 'Zqestimate two hours',
  edited: 'Zqedited the words before the edit',
  inside: 'Zqinside the leader of the cluster',
  note: 'Zqnote a line of the log',
  resolved: 'Zqresolved payments work again',
  reason: 'Zqreason it was only practice',
  learned: 'Zqlearned a template was missing',
};
/** The first word of each: nothing that is made by chance is as long. */
const MARK = new RegExp(
  Object.values(PLAYED)
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

eachDatabaseUrl('a drill', (place) => {
  it('is on no public route, in no format, and in no mail but to those who take part', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foghorn-drill-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const env = { DATABASE_URL: await place() };
    const house = await furnish(folder, env);
    onTestFinished(() => house.foghorn.close());
    const before = await house.foghorn.db.read(getPageVersion);
    const others = await tellingsOf(house);
    const figures = await figuresOf(house);
    const over = await play(house, { resolve: true });
    const running = await play(house, { resolve: false });
    const server = await startServer({ dataDir: folder, env: { ...FURNISHED_ENV, ...env } });
    onTestFinished(async () => void (await server.stop()));

    const found: string[] = [];
    for (const path of publicPaths(house, [over, running]))
      for (const accept of ACCEPTS) {
        const { body, headers, status } = await ask(server.url, path, { headers: { accept } });
        const everything = `${JSON.stringify(headers)}\n${body}`;
        for (const [mark] of everything.matchAll(MARK)) found.push(`${path} (${accept}) ${status}: ${mark}`);
      }
    expect([...new Set(found)]).toEqual([]);
    for (const id of [over, running])
      expect((await ask(server.url, `/incidents/${id}`)).status, id).toBe(404);
    expect(await house.foghorn.db.read(getPageVersion)).toEqual(before);

    const mails = await mailsOf(house, [over, running]);
    expect(mails.length).toBeGreaterThan(4);
    expect([...new Set(mails.map(({ to }) => to))].sort()).toEqual([
      'comms@staff.example',
      'responder@staff.example',
    ]);
    for (const { subject, text } of mails) {
      expect(subject).toMatch(/^DRILL: /);
      expect(text).toContain('This is a drill. Nothing is broken');
      expect(text).not.toMatch(/\/unsubscribe\/|\/subscription\/|unsubscribe_url|manage_url/);
    }
    // Nobody else was told anything, about this or about anything.
    expect(await tellingsOf(house)).toEqual(others);
    expect(await figuresOf(house)).toEqual(figures);
    // It was all there to be found: those inside read it.
    const cookie = await signInAs(server.url, house.users.comms.email);
    const screens = await Promise.all(
      [`/admin/incidents/${over}`, `/admin/drills/${over}`, '/admin/drills'].map((path) =>
        ask(server.url, path, { headers: { cookie } }),
      ),
    );
    const read = [...screens.map(({ body }) => body), ...mails.map(({ text }) => text)].join('\n');
    for (const [field, text] of Object.entries(PLAYED))
      if (field !== 'reason') expect(read, field).toContain(text);
  });
});

/** A drill with something in each field, as far as it goes. @returns its id */
async function play({ foghorn, users, ids }: Furnished, { resolve }: { resolve: boolean }): Promise<string> {
  const ctx = foghorn.contextFor({ kind: 'system', name: 'test' });
  const { id } = await startDrill(ctx, {
    title: PLAYED.title,
    severity: 'SEV1',
    scope: PLAYED.scope,
    summary: PLAYED.summary,
    components: [{ id: ids['/components/[]'] as string, status: 'major_outage' }],
    participants: [users.comms.id, users.responder.id],
    roles: { comms_lead: users.comms.id },
  });
  const say = async (changes: Partial<PostInput>) => {
    const { version, status } = await getIncident(ctx, id);
    const said = {
      incidentId: id,
      version,
      status,
      audience: 'public' as const,
      components: [],
      notify: true,
    };
    return postUpdate(ctx, { ...said, body: 'x', ...changes });
  };
  await callStaff(ctx);
  const { affected, workaround, estimate, scope } = PLAYED;
  await say({ body: PLAYED.first, affected, workaround, estimate, scope });
  await say({ audience: 'internal', body: PLAYED.inside, notify: false });
  const { updateId } = await say({ body: PLAYED.edited });
  await editUpdate(ctx, {
    updateId,
    body: PLAYED.first,
    affected,
    workaround,
    estimate,
    scope,
    notify: true,
  });
  await addLogEntry(ctx, { incidentId: id, body: PLAYED.note });
  if (resolve) {
    await say({ status: 'resolved', body: PLAYED.resolved, reason: PLAYED.reason });
    await reviewDrill(ctx, {
      incidentId: id,
      answers: { well: '', slow: '', change: PLAYED.learned, who: '' },
    });
  } else await callStaff({ ...ctx, now: () => addMs(ctx.now(), HOUR) });
  const released = () => addMs(ctx.now(), HOUR);
  while (await expandNextChunk({ db: foghorn.db, now: released }));
  return id;
}

/** Every route that answers without a session, as the list and the folder know them, and those of the drills themselves. */
function publicPaths({ ids, links }: Furnished, drills: readonly string[]): string[] {
  const patterns = new Set([...Object.keys(OPEN_ROUTES), ...routePatterns().map(withoutNames)]);
  const open = [...patterns].filter((pattern) => accessOf(pattern) !== 'session');
  expect(open.length).toBeGreaterThan(30);
  return [
    ...open.map((pattern) => pathOf(pattern, ids)),
    ...drills.flatMap((id) => [`/incidents/${id}`, `/incidents/${id}.json`, `/api/v2/incidents/${id}.json`]),
    '/api/v2/summary.json?callback=x',
    ...Object.values(links),
  ];
}

/** What /metrics says of messages. */
async function figuresOf({ foghorn }: Furnished) {
  const ctx = foghorn.contextFor({ kind: 'system', name: 'test' });
  const { deliveries, unmade } = await readDeliveryMetrics(ctx);
  return { deliveries, unmade };
}

/** Everything that is on its way to anyone but as a call to staff or for a drill. */
function tellingsOf({ foghorn }: Furnished) {
  return foghorn.db.read((tx) =>
    tx
      .selectFrom('deliveries as d')
      .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
      .select(['d.seq', 'n.subject', 'n.payload'])
      .where('n.kind', 'not in', ['call', 'drill'])
      .orderBy('d.seq')
      .execute(),
  );
}

/** Every text about these that is on its way to someone. */
async function mailsOf({ foghorn }: Furnished, drills: readonly string[]) {
  const rows = await foghorn.db.read((tx) =>
    tx
      .selectFrom('deliveries as d')
      .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
      .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
      .innerJoin('incidents as i', 'i.seq', 'n.incident_seq')
      .select(['r.address', 'n.subject', 'n.html', 'n.text', 'n.headers'])
      .where('i.id', 'in', [...drills])
      .execute(),
  );
  return rows.map(({ address, subject, html, text, headers }) => ({
    to: address,
    subject,
    text: [subject, html, text, headers].join('\n'),
  }));
}
