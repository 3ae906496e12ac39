import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import type { Ctx } from '#db/context.ts';
import { getPageVersion } from '#db/page.ts';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';
import { publishApproved } from '#services/approvals.ts';
import { saveDraft } from '#services/drafts.ts';
import {
  addLogEntry,
  assignRole,
  correctComponents,
  getIncident,
  type PostInput,
  postUpdate,
} from '#services/incidents.ts';
import { declareRestricted } from '#services/restricted.ts';
import { callStaff } from '#services/staffCalls.ts';
import { setApprover } from '#services/users.ts';
import { beginVersionSoon, differing, serveCopy } from '../support/copies.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { findMarks, markOf, openDoors, publicDoors } from '../support/doors.ts';
import { type Furnished, furnish, PASSWORD } from '../support/furnished.ts';
import { sendAll, settleOutsiders, writtenForOutside } from '../support/outsiders.ts';

/** What becomes public when it is published, and what never does. */
const SAID = {
  title: 'Zqtitle lay open',
  scope: 'Zqscope of one customer',
  body: 'Zqbody of the first word',
};
const INSIDE = {
  summary: 'Zqsummary who found it',
  update: 'Zqinside how they came in',
  affected: 'Zqaffected 4,312 of 10,077',
  log: 'Zqlog a line of it',
  draft: 'Zqdraft what nobody has posted',
};
const EVERYTHING = markOf({ ...SAID, ...INSIDE });

eachDatabaseUrl('a restricted incident', (place) => {
  it('is behind no public door, in no copy, and in nothing that leaves', async () => {
    const { house, env, outsiders } = await open();
    const before = await beginVersionSoon(house);
    const untold = await serveCopy(house, env, onTestFinished);
    await untold.server.stop();
    await outsiders.leave();
    const { id } = await seal(house);
    await outsiders.comeBack();
    expect(await house.foghorn.db.read(getPageVersion)).toBe(before);
    const sent = await sendAll(house);
    // Nor do its viewers read more in their mail than that there is something: it lies open on telephones.
    expect.soft(findMarks(sent.map(doorOf), EVERYTHING)).toEqual([]);
    expect(sent.filter(({ to }) => to === 'noor@staff.example').length).toBeGreaterThan(0);
    expect.soft(findMarks(await writtenForOutside(house), EVERYTHING)).toEqual([]);
    const after = await serveCopy(house, env, onTestFinished);
    expect.soft(findMarks(after.files, EVERYTHING)).toEqual([]);
    expect.soft(differing(untold, after)).toEqual([]);
    const read = await openDoors(after.server, await publicDoors(house, [id]));
    expect.soft(findMarks(read, EVERYTHING)).toEqual([]);
    // That there is one at its address is not to be seen either: it answers as what never was.
    const at = (path: string) => read.find(({ door }) => door.startsWith(`${path} `));
    expect(at(`/incidents/${id}`)?.status).toBe(404);
    expect(at('/metrics')?.text).toContain('foghorn_deliveries');
  });

  it('shows, once it is published, its public part alone', async () => {
    const { house, env, outsiders } = await open();
    const { id, approval, noor } = await seal(house);
    await publishApproved(noor, { approvalId: approval });
    const sent = await sendAll(house);
    const { server, files } = await serveCopy(house, env, onTestFinished);
    const read = await openDoors(server, await publicDoors(house, [id]));
    const mark = markOf(INSIDE);
    const all = [...sent.map(doorOf), ...files, ...read, ...(await writtenForOutside(house))];
    expect.soft(findMarks(all, mark)).toEqual([]);
    for (const door of [`the copy's incidents/${id}/index.html`, `/de/incidents/${id} `, '/history.atom '])
      expect(all.find((one) => one.door.startsWith(door))?.text, door).toContain(SAID.body);
    const heard = sent.filter(({ text }) => text.includes(SAID.title)).map(({ to }) => to);
    expect(outsiders.addresses.filter((address) => !heard.includes(address))).toEqual([]);
  });

  async function open() {
    const folder = mkdtempSync(join(tmpdir(), 'foghorn-sealed-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const env = { DATABASE_URL: await place() };
    const house = await furnish(folder, env);
    onTestFinished(() => house.foghorn.close());
    return { house, env, outsiders: await settleOutsiders(house, house.search) };
  }
});

function doorOf({ to, subject, text }: { to: string; subject: string; text: string }) {
  return { door: `to ${to}, ${subject}`, text };
}

/** One with something in each field, that touches what is public; its first public word waits for Noor. */
async function seal({
  foghorn,
  ids,
  search,
}: Furnished): Promise<{ id: string; approval: string; noor: Ctx }> {
  const system = foghorn.contextFor({ kind: 'system', name: 'test' });
  // Hours ago, so that its clocks have run.
  let at = addMs(system.now(), -3 * HOUR);
  const person = async (name: string, role: 'responder' | 'comms') => {
    const email = `${name}@staff.example`;
    const { id } = await createUser(system, { email, name, role, password: PASSWORD });
    const ctx = foghorn.contextFor({ kind: 'user', id, name, email, role });
    return { id, ctx: { ...ctx, now: () => at } };
  };
  const sela = await person('sela', 'responder');
  const noor = await person('noor', 'comms');
  const kim = await person('kim', 'comms');
  await setApprover(system, { userId: noor.id, approver: true });
  const { id } = await declareRestricted(sela.ctx, {
    title: SAID.title,
    scope: SAID.scope,
    severity: 'SEV1',
    summary: INSIDE.summary,
    components: [{ id: ids['/components/[]'] as string, status: 'major_outage' }],
    viewers: [noor.id, kim.id],
  });
  const say = async (by: Ctx, changes: Partial<PostInput>) => {
    at = addMs(at, MINUTE);
    const { version, status } = await getIncident(by, id);
    const said = { incidentId: id, version, status, components: [], notify: true, body: '' };
    return postUpdate(by, { ...said, audience: 'internal', ...changes });
  };
  await assignRole(sela.ctx, { incidentId: id, role: 'incident_commander', userId: sela.id });
  await say(sela.ctx, { body: INSIDE.update, affected: INSIDE.affected });
  await addLogEntry(sela.ctx, { incidentId: id, body: INSIDE.log });
  await saveDraft(sela.ctx, { subject: id, fields: { audience: 'internal', body: INSIDE.draft } });
  const { version } = await getIncident(noor.ctx, id);
  const components = [{ id: search, status: 'partial_outage' as const }];
  await correctComponents(noor.ctx, { incidentId: id, version, components });
  await callStaff({ ...system, now: () => addMs(at, HOUR) });
  const { updateId } = await say(kim.ctx, { audience: 'public', body: SAID.body, scope: SAID.scope });
  return { id, approval: updateId, noor: { ...noor.ctx, now: system.now } };
}
