import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import { readConfig } from '#config';
import type { Ctx } from '#db/context.ts';
import { insertPolicies } from '#db/policies.ts';
import { getUserByEmail } from '#db/users.ts';
import { DEFAULT_HOURS } from '#domain/cadence.ts';
import { DEFAULT_POLICIES } from '#domain/severity.ts';
import { publishApproved } from '#services/approvals.ts';
import { listWaiting } from '#services/approvalViews.ts';
import { createComponent } from '#services/components.ts';
import { listFanouts } from '#services/deliveries.ts';
import { getIncident, listIncidents } from '#services/incidents.ts';
import { getStatusPage } from '#services/publicPage.ts';
import { importSubscribers } from '#services/subscriberImport.ts';
import { setApprover } from '#services/users.ts';
import { openFoghorn, prepareFoghorn } from '../../src/foghorn.ts';
import { foghorn, scratch } from './support.ts';

/** An installation that stays open, as the server's does, while commands run in processes of their own. */
async function installation(): Promise<{ dir: string; ctx: Ctx; checkout: string; cart: string }> {
  const dir = scratch();
  const open = await openFoghorn(readConfig({ DATA_DIR: dir, LOG_LEVEL: 'silent' }));
  onTestFinished(() => open.close());
  await prepareFoghorn(open);
  const ctx = open.contextFor({ kind: 'system', name: 'test' });
  const { id: checkout } = await createComponent(ctx, { name: 'Checkout' });
  const { id: cart } = await createComponent(ctx, { name: 'Cart' });
  await importSubscribers(ctx, 'email\nada@x.example\nben@x.example\n');
  return { dir, ctx, checkout, cart };
}

const OPEN = ['incident', 'open', '--title', 'Checkout fails for some', '--severity', 'sev1', '--body'];

it('drives the main job: open, update, resolve', async () => {
  const { dir, ctx, checkout, cart } = await installation();
  const opened = await foghorn(
    dir,
    [
      ...OPEN,
      '-',
      '--component',
      'Checkout=partial',
      '--component',
      `${cart}=degraded_performance`,
      '--scope',
      'EU',
    ],
    'Some customers see an error when they pay.\n\nWe are looking into it.\n',
  );
  expect(opened.code).toBe(0);
  const id = opened.out.trim();
  expect(id).toMatch(/^[a-z0-9]{12}$/);
  expect(opened.said).toContain(`Published at http://localhost:4321/incidents/${id}. Queued for 2 people.`);

  const first = await getIncident(ctx, id);
  expect(first).toMatchObject({ severity: 'SEV1', status: 'investigating', scope: 'EU', source: 'own' });
  expect(first.nextUpdateDue).not.toBeNull();
  expect(first.updates[0]).toMatchObject({
    author: 'command line',
    body: 'Some customers see an error when they pay.\n\nWe are looking into it.',
  });
  const page = await getStatusPage(ctx);
  expect(page.incidents.map((incident) => incident.id)).toEqual([id]);
  expect(page.groups[0]?.components.map(({ name, status }) => [name, status])).toEqual([
    ['Checkout', 'partial_outage'],
    ['Cart', 'degraded_performance'],
  ]);

  const due = '2099-01-01T00:00:00.000Z';
  const updated = await foghorn(dir, [
    ...['incident', 'update', id, '--status', 'monitoring', '--body', 'It is getting better.'],
    ...['--severity', 'SEV2', '--component', `${checkout}=degraded`, '--next-update', due, '--no-notify'],
  ]);
  expect([updated.code, updated.out]).toEqual([0, '']);
  expect(updated.said).toContain('Nobody is told.');
  const second = await getIncident(ctx, id);
  expect(second).toMatchObject({ severity: 'SEV2', status: 'monitoring', nextUpdateDue: due });
  expect(second.components.map(({ name, claimed }) => [name, claimed]).sort()).toEqual([
    ['Cart', 'degraded_performance'],
    ['Checkout', 'degraded_performance'],
  ]);

  const early = await foghorn(dir, ['incident', 'resolve', id, '--body', 'All payments work again.']);
  expect(early.code).toBe(1);
  expect(early.said).toContain('A SEV2 is watched for 15 minutes in Monitoring before it is resolved.');
  const resolved = await foghorn(dir, [
    ...[
      'incident',
      'resolve',
      id,
      '--body',
      'All payments work again.',
      '--reason',
      'The provider confirmed.',
    ],
  ]);
  expect(resolved.code).toBe(0);
  expect((await getIncident(ctx, id)).status).toBe('resolved');
  const after = await getStatusPage(ctx);
  expect(after.incidents).toEqual([]);
  expect(new Set(after.groups[0]?.components.map(({ status }) => status))).toEqual(new Set(['operational']));
  // The opening and the resolution; the update was posted quietly.
  expect((await listFanouts(ctx)).fanouts.map(({ expected }) => expected)).toEqual([2, 2]);
});

/** The same, in which what is said in public of a SEV1 needs an approver, who is Noor. */
async function gated() {
  const installed = await installation();
  const { ctx } = installed;
  await ctx.db.write((tx) =>
    insertPolicies(tx, {
      policies: { ...DEFAULT_POLICIES, SEV1: { ...DEFAULT_POLICIES.SEV1, needsApproval: true } },
      hours: DEFAULT_HOURS,
      at: ctx.now(),
      by: 'test',
      reason: null,
    }),
  );
  for (const [name, role] of [
    ['Kim', 'comms'],
    ['Noor', 'comms'],
    ['Vic', 'viewer'],
  ] as const)
    await createUser(ctx, {
      email: `${name.toLowerCase()}@x.example`,
      name,
      role,
      password: 'three grey gulls',
    });
  const noor = await ctx.db.read((tx) => getUserByEmail(tx, 'noor@x.example'));
  if (!noor) throw new Error('Noor was not made.');
  await setApprover(ctx, { userId: noor.id, approver: true });
  const asNoor: Ctx = { ...ctx, actor: { kind: 'user', ...noor } };
  return { ...installed, asNoor };
}

it('lets what needs an approver wait, with a code of its own and the way to approve it', async () => {
  const { dir, ctx, asNoor } = await gated();
  const nameless = await foghorn(dir, [...OPEN, 'Payments fail.']);
  expect(nameless.code).toBe(1);
  expect(nameless.said).toContain('needs an approver beside its author, and nobody is named as that.');
  expect(nameless.said).toContain('--by EMAIL');
  expect((await listIncidents(ctx, { kind: 'incident', limit: 10 })).open).toEqual([]);

  const opened = await foghorn(dir, [...OPEN, 'Payments fail.', '--by', 'Kim@x.example']);
  expect(opened.code).toBe(3);
  const id = opened.out.trim();
  const [waiting] = await listWaiting(asNoor);
  expect(waiting).toMatchObject({ incidentId: id, askedBy: 'Kim', waitsFor: ['Noor'] });
  expect(opened.said).toContain(
    `Declared. Its first update waits for Noor, who is mailed. It is approved at http://localhost:4321/admin/approvals/${waiting?.id}`,
  );
  expect(opened.said).toContain(`foghorn incident update ${id} --body TEXT --without-approval "WHY"`);
  expect(await getIncident(ctx, id)).toMatchObject({ publishedAt: null, updates: [] });
  await publishApproved(asNoor, { approvalId: waiting?.id as string });
  expect((await getIncident(ctx, id)).updates).toMatchObject([{ author: 'Kim', body: 'Payments fail.' }]);

  const second = await foghorn(dir, [
    ...['incident', 'update', id, '--body', 'It is the processor.', '--by', 'kim@x.example'],
  ]);
  expect(second.code).toBe(3);
  expect(second.said).toContain('Nothing is posted yet. The update waits for Noor');
  const resolve = ['incident', 'resolve', id, '--body', 'It works.', '--reason', 'Confirmed.'];
  const night = await foghorn(dir, [...resolve, '--without-approval', 'Noor does not answer.']);
  expect([night.code, night.out]).toEqual([0, '']);
  const { status, facts } = await getIncident(ctx, id);
  expect(status).toBe('resolved');
  expect(facts.find(({ text }) => text.includes('without the approval'))).toMatchObject({
    author: 'command line',
    note: 'Noor does not answer.',
  });
});

it('posts in someone’s name what they may post, and nothing more', async () => {
  const { dir } = await gated();
  const minor = ['incident', 'open', '--title', 'T', '--severity', 'SEV2', '--body', 'x'];
  expect((await foghorn(dir, [...minor, '--by', 'kim@x.example'])).code).toBe(0);
  const viewer = await foghorn(dir, [...minor, '--by', 'vic@x.example']);
  expect([viewer.code, viewer.out]).toEqual([1, '']);
  expect(viewer.said).toContain('Your role (viewer) may not do this.');
  const nobody = await foghorn(dir, [...minor, '--by', 'kin@x.example']);
  expect(nobody).toMatchObject({
    code: 1,
    said: expect.stringContaining('Nobody signs in as "kin@x.example".'),
  });
  const silent = await foghorn(dir, [...minor, '--without-approval', '']);
  expect(silent).toMatchObject({ code: 2, said: expect.stringContaining('--without-approval is empty.') });
});

it('offers no promise that would be refused', async () => {
  const { dir } = await installation();
  const { said } = await foghorn(dir, [...OPEN, 'x', '--next-update', 'none']);
  expect(said).toContain('Visitors are owed the time of the next update');
  const help = (await foghorn(dir, ['incident', 'open', '--help'])).out;
  expect(help.replace(/\s+/g, ' ')).toContain(
    '"none" is for a severity that asks for none (SEV4), and refused',
  );
});

it.each([
  ['--title is missing.', ['incident', 'open', '--severity', 'SEV1', '--body', 'x']],
  ['--severity is missing. Choose one of SEV1', ['incident', 'open', '--title', 'T', '--body', 'x']],
  ['There is no severity "SEV9".', ['incident', 'open', '--title', 'T', '--severity', 'SEV9', '--body', 'x']],
  ['--body is missing.', ['incident', 'open', '--title', 'T', '--severity', 'SEV1']],
  ['--body is empty.', [...OPEN, '']],
  ['--body is empty. Write something.', [...OPEN, '-']],
  ['--body is too long: at most 5000 characters.', [...OPEN, 'x'.repeat(5001)]],
  ['--body holds invisible control characters.', [...OPEN, 'a\u0007b']],
  ['--title must be one line.', ['incident', 'open', '--title', 'a\nb', '--severity', 'SEV1', '--body', 'x']],
  ['An incident cannot open as over.', [...OPEN, 'x', '--status', 'resolved']],
  ['There is no status "broken". Choose one of investigating', [...OPEN, 'x', '--status', 'broken']],
  ['"Checkout" names no component and status.', [...OPEN, 'x', '--component', 'Checkout']],
  ['There is no component status "on fire".', [...OPEN, 'x', '--component', 'Checkout=on fire']],
  ['There is no component "Basket". There are: ', [...OPEN, 'x', '--component', 'Basket=major']],
  ['"soon" is no time. Write --next-update 30m', [...OPEN, 'x', '--next-update', 'soon']],
  [
    '"2001-01-01T00:00Z" is no time that is still to come.',
    [...OPEN, 'x', '--next-update', '2001-01-01T00:00Z'],
  ],
  ['The id of the incident is missing.', ['incident', 'update', '--body', 'x']],
  ['--body is missing.', ['incident', 'resolve', 'abc']],
])('refuses with “%s” and changes nothing', async (message, args) => {
  const { dir, ctx } = await installation();
  const { code, out, said } = await foghorn(dir, args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(said).toContain(message);
  expect(said).not.toMatch(/\n {4}at /);
  expect((await listIncidents(ctx, { kind: 'incident', limit: 10 })).open).toEqual([]);
});

it('says so when there is no such incident', async () => {
  const { dir } = await installation();
  const { code, out, said } = await foghorn(dir, ['incident', 'update', 'nothere', '--body', 'x']);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(said).toContain('There is no such');
});

it('needs a database to work on', async () => {
  const dir = scratch();
  const { code, said } = await foghorn(dir, [...OPEN, 'x']);
  expect(code).toBe(1);
  expect(said).toContain(`There is no Foghorn database at ${join(dir, 'foghorn.db')}.`);
});
