import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { getPageVersion } from '#db/page.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { addMs, HOUR } from '#domain/time.ts';
import { readDeliveryMetrics } from '#services/deliveryMetrics.ts';
import { reviewDrill } from '#services/drillReviews.ts';
import { startDrill } from '#services/drills.ts';
import {
  addLogEntry,
  correctComponents,
  editUpdate,
  getIncident,
  type PostInput,
  postUpdate,
} from '#services/incidents.ts';
import { callStaff } from '#services/staffCalls.ts';
import { beginVersionSoon, differing, serveCopy } from '../support/copies.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { findMarks, markOf, openDoors, publicDoors } from '../support/doors.ts';
import { type Furnished, furnish, signInAs } from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { sendAll, settleOutsiders, writtenForOutside } from '../support/outsiders.ts';

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
const MARK = markOf(PLAYED);
const TAKE_PART = ['comms@staff.example', 'responder@staff.example'];

eachDatabaseUrl('a drill', (place) => {
  it('is on no public route, in no copy, no format, and in nothing that leaves but to those who take part', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'foghorn-drill-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const env = { DATABASE_URL: await place() };
    const house = await furnish(folder, env);
    onTestFinished(() => house.foghorn.close());
    const outsiders = await settleOutsiders(house, house.search);
    const before = await beginVersionSoon(house);
    const copy = () => serveCopy(house, env, onTestFinished);
    const untold = await copy();
    await untold.server.stop();
    const others = await tellingsOf(house);
    const figures = await figuresOf(house);
    await outsiders.leave();
    const over = await play(house, { resolve: true });
    const running = await play(house, { resolve: false });
    expect(await house.foghorn.db.read(getPageVersion)).toEqual(before);
    // Nobody else is told anything, about this or about anything.
    const left = (await tellingsOf(house)).filter(({ seq }) => !others.some((other) => other.seq === seq));
    expect(left.map(({ kind }) => kind)).toEqual(['unsubscribed']);
    expect(await figuresOf(house)).toEqual(figures);
    await outsiders.comeBack();
    const sent = await sendAll(house);
    const after = await copy();
    const { server } = after;

    const read = await openDoors(server, await publicDoors(house, [over, running]));
    expect.soft(findMarks(read, MARK)).toEqual([]);
    expect(
      read.some(({ door, text }) => /^.metrics /.test(door) && text.includes('foghorn_deliveries')),
    ).toBe(true);
    for (const id of [over, running])
      expect((await ask(server.url, `/incidents/${id}`)).status, id).toBe(404);
    // Not a figure of it has changed either: no component, no uptime, no kept word.
    expect.soft(findMarks(after.files, MARK)).toEqual([]);
    expect.soft(differing(untold, after)).toEqual([]);

    const mails = sent.filter(({ text }) => /Zq|DRILL/.test(text));
    expect(mails.length).toBeGreaterThan(4);
    expect([...new Set(mails.map(({ to }) => to))].sort()).toEqual(TAKE_PART);
    for (const { subject, text } of mails) {
      expect(subject).toMatch(/^DRILL: /);
      expect(text).toContain('This is a drill. Nothing is broken');
      expect(text).not.toMatch(/\/unsubscribe\/|\/subscription\//);
    }
    expect.soft(findMarks(await writtenForOutside(house), MARK)).toEqual([]);
    // It was all there to be found: those inside read it.
    const cookie = await signInAs(server.url, house.users.comms.email);
    const screens = await Promise.all(
      [`/admin/incidents/${over}`, `/admin/drills/${over}`, '/admin/drills'].map((path) =>
        ask(server.url, path, { headers: { cookie } }),
      ),
    );
    const known = [...screens.map(({ body }) => body), ...mails.map(({ text }) => text)].join('\n');
    const unread = Object.entries(PLAYED).filter(([, text]) => !known.includes(text));
    expect(unread.map(([field]) => field)).toEqual(['reason']);
  });
});

/** A drill with something in each field, as far as it goes. @returns its id */
async function play(
  { foghorn, users, ids, search }: Furnished,
  { resolve }: { resolve: boolean },
): Promise<string> {
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
  const { version } = await getIncident(ctx, id);
  await correctComponents(ctx, {
    incidentId: id,
    version,
    components: [{ id: search, status: 'partial_outage' }],
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
      .select(['d.seq', 'n.kind'])
      .where('n.kind', 'not in', ['call', 'drill'])
      .orderBy('d.seq')
      .execute(),
  );
}
