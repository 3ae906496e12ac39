import { createUser } from '#auth/accounts.ts';
import { inviteUser } from '#auth/invitations.ts';
import { hashSecret } from '#auth/tokens.ts';
import { readConfig } from '#config';
import { expandNextChunk } from '#delivery/expander.ts';
import { type Logo, logoPath } from '#domain/brand.ts';
import { ROLES, type Role } from '#domain/permissions.ts';
import { addMs, DAY, HOUR } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { createAccount } from '#services/accounts.ts';
import { addMember } from '#services/audiences.ts';
import { getBrand, saveBrand } from '#services/brand.ts';
import { createBriefLink } from '#services/brief.ts';
import { createComponent, createGroup } from '#services/components.ts';
import { saveDraft } from '#services/drafts.ts';
import { reviewDrill } from '#services/drillReviews.ts';
import { startDrill } from '#services/drills.ts';
import { addShift } from '#services/duty.ts';
import { renewFeed } from '#services/dutyFeeds.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { listIncidentRunbooks, tickStep } from '#services/incidentRunbooks.ts';
import { addLogEntry, declareIncident, getIncident, postUpdate } from '#services/incidents.ts';
import { scheduleMaintenance } from '#services/maintenance.ts';
import { scheduleSeries } from '#services/maintenanceSeries.ts';
import { addPagingPlace } from '#services/places.ts';
import { declareRestricted } from '#services/restricted.ts';
import { saveRunbook, takeSuggestedRunbooks } from '#services/runbooks.ts';
import { getSettings, saveSettings } from '#services/settings.ts';
import { addSubscriber, markShared } from '#services/subscriberRecords.ts';
import { subscribe, WHOLE_PAGE } from '#services/subscribers.ts';
import { addSuppression } from '#services/suppressions.ts';
import { saveTemplate } from '#services/templates.ts';
import { setApprover } from '#services/users.ts';
import { type Foghorn, openFoghorn, prepareFoghorn } from '../../src/foghorn.ts';
import { ask } from './http.ts';

export const PASSWORD = 'river-lantern-42-moss';
/** Every subscriber's and member's address ends so, and nothing else does. */
export const SECRET_DOMAIN = 'private.example';
/** What opens the places where staff are called. */
export const SECRET_KEY = 'pkeyR03E7F9A1B2C4D5E6F708192A3B4C5Dqq';
/** What the servers of `furnish` are started with, beside their data directory. */
export const FURNISHED_ENV = { SECRET_KEY: 'k'.repeat(40), FOGHORN_ROLE: 'web', LOG_LEVEL: 'info' };

export type Furnished = {
  foghorn: Foghorn;
  /** What stands in a route's parameter, by the route up to it: `/admin/incidents/[]`. */
  ids: Record<string, string>;
  users: Record<Role, { id: string; email: string }>;
  /** Personal links that work, as paths. */
  links: {
    unsubscribe: string;
    manage: string;
    confirm: string;
    join: string;
    /** Mailed three days ago. */
    oldManage: string;
    /** Of an address that many read: the link in every mail, and the one in the mail that asks them all. */
    listUnsubscribe: string;
    listLeave: string;
  };
  noticeId: string;
  /** The other component: nothing that is there touches it. */
  search: string;
};

/**
 * An installation in which every route has something to show, made through the services as people would. Nothing of it moves by
 * itself: with FURNISHED_ENV no process mails, and no clock ticks.
 */
export async function furnish(dataDir: string, env: Record<string, string> = {}): Promise<Furnished> {
  const foghorn = await openFoghorn(
    readConfig({ ...FURNISHED_ENV, ...env, DATA_DIR: dataDir, LOG_LEVEL: 'silent' }),
  );
  await prepareFoghorn(foghorn);
  const ctx = foghorn.contextFor({ kind: 'system', name: 'test' });
  const users = {} as Furnished['users'];
  for (const role of ROLES) {
    const email = `${role}@staff.example`;
    const { id } = await createUser(ctx, { email, name: `Person ${role}`, role, password: PASSWORD });
    users[role] = { id, email };
  }
  const invited = await inviteUser(ctx, {
    email: 'new@staff.example',
    name: 'Newcomer',
    role: 'viewer',
  });

  await saveSettings(ctx, { ...(await getSettings(ctx)), showKept: true });
  await saveBrand(
    ctx,
    { accent: '#0b6e69', footer: 'Harbour Ltd, 1 Pier Road', wordmark: false },
    { light: Buffer.from('<svg viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>') },
  );
  const { light } = (await getBrand(ctx)).logos;
  const logo = logoPath(light as Logo)
    .split('/')
    .at(-1) as string;
  const group = await createGroup(ctx, { name: 'Shop' });
  const checkout = await createComponent(ctx, { name: 'Checkout', groupId: group.id, showUptime: true });
  const search = await createComponent(ctx, { name: 'Search' });
  await addMember(ctx, 'executives', { address: `chief@${SECRET_DOMAIN}`, name: 'Chief' });
  const account = await createAccount(ctx, {
    name: 'Acme',
    contactId: users.comms.id,
    components: [checkout.id],
  });
  await addMember(ctx, account, { address: `acme@${SECRET_DOMAIN}`, name: 'Ann of Acme' });
  const subscriber = await addSubscriber(ctx, { address: `anna@${SECRET_DOMAIN}`, consent: 'a letter' });
  const list = await addSubscriber(ctx, { address: `team@${SECRET_DOMAIN}`, consent: 'a letter' });
  await markShared(ctx, list, true);
  const gone = `gone@${SECRET_DOMAIN}`;
  await addSuppression(ctx, { address: gone, reason: `A letter about ${gone}.` });
  const hook = await addHookSubscriber(
    { ...ctx, hooks: { ...ctx.hooks, resolve: async () => ['93.184.215.14'] } },
    { channel: 'webhook', url: 'https://receiver.example/hook', name: null, owner: `owner@${SECRET_DOMAIN}` },
  );
  const owner = foghorn.contextFor({ kind: 'user', name: 'Person owner', role: 'owner', ...users.owner });
  const outside = { ...owner, hooks: { ...ctx.hooks, resolve: async () => ['93.184.215.14'] } };
  const place: Pick<Parameters<typeof addPagingPlace>[1], 'owner' | 'severities' | 'calls'> = {
    owner: `owner@${SECRET_DOMAIN}`,
    severities: ['SEV1', 'SEV2', 'SEV3', 'SEV4'],
    calls: 'all',
  };
  const pager = await addPagingPlace(outside, {
    ...place,
    channel: 'pager',
    name: 'On-call',
    url: '',
    routingKey: SECRET_KEY,
  });
  await addPagingPlace(outside, {
    ...place,
    channel: 'slack',
    name: '#incidents',
    url: `https://hooks.slack.example/services/${SECRET_KEY}`,
    routingKey: '',
  });
  const asked = { address: `waiting@${SECRET_DOMAIN}`, choice: WHOLE_PAGE, locale: 'en' };
  await subscribe(ctx, { ...asked, source: 'test', clientKey: '192.0.2.1' }, async () => ({ ok: true }));

  const runbook = await saveRunbook(ctx, null, {
    title: 'Payments are down',
    severities: ['SEV1'],
    componentId: checkout.id,
    ownerId: users.comms.id,
    steps: [
      { text: 'Ask the card processor when they know more', link: 'https://processor.example/status' },
      { text: 'Put the notice on the checkout page', link: null },
    ],
  });
  await takeSuggestedRunbooks(ctx);
  const { id: incident } = await declareIncident(ctx, {
    title: 'Checkout is failing',
    severity: 'SEV1',
    scope: 'Europe',
    summary: 'Payments time out',
    components: [{ id: checkout.id, status: 'major_outage' }],
  });
  const brief = 'a-brief-for-the-chief-executive';
  await createBriefLink(ctx, {
    incidentId: incident,
    hours: 168,
    shows: 'inside',
    tokenHash: hashSecret(brief),
  });
  const { version } = await getIncident(ctx, incident);
  const public_ = { incidentId: incident, version, audience: 'public' as const, components: [] };
  await postUpdate(ctx, { ...public_, status: 'investigating', body: 'We are **looking**.', notify: true });
  await addLogEntry(ctx, { incidentId: incident, body: 'The card processor is down.' });
  const { given } = await listIncidentRunbooks(ctx, incident);
  await tickStep(ctx, { incidentId: incident, step: given[0]?.steps[0]?.seq as number, done: true });
  const now = ctx.now();
  const maintenance = await scheduleMaintenance(ctx, {
    title: 'Database upgrade',
    body: 'Read only for an hour.',
    scheduledFor: addMs(now, 24 * HOUR),
    scheduledUntil: addMs(now, 25 * HOUR),
    components: [checkout.id],
    notify: false,
  });
  const day = addMs(now, 3 * 24 * HOUR).slice(0, 10);
  const series = await scheduleSeries(ctx, {
    title: 'Restart of the cache',
    body: 'Pages are slow for a minute.',
    components: [checkout.id],
    rule: { every: 'month', interval: 1, day: Number(day.slice(8)) },
    firstLocal: `${day}T02:00`,
    minutes: 30,
    notify: false,
  });
  const comms = { kind: 'user', name: 'Person comms', role: 'comms', ...users.comms } as const;
  await saveDraft(foghorn.contextFor(comms), {
    subject: incident,
    fields: { audience: 'public', status: 'identified', body: 'We found it.', version: String(version + 1) },
  });
  // A shift that runs, and one after a gap.
  const shift = { primary: users.comms.id, second: users.owner.id, manager: users.responder.id };
  const { id: duty } = await addShift(ctx, { ...shift, from: now, to: addMs(now, 8 * HOUR) });
  await addShift(ctx, { ...shift, from: addMs(now, 9 * HOUR), to: addMs(now, 2 * DAY) });
  const calendar = 'the-calendar-of-person-comms';
  await renewFeed(foghorn.contextFor(comms), { shows: 'all', tokenHash: hashSecret(calendar) });
  const template = await saveTemplate(ctx, null, {
    kind: 'progress',
    variant: '',
    name: 'Own',
    body: 'Still on it.',
    status: null,
  });
  const drill = await startDrill(ctx, {
    title: 'Sign-in is down and nobody knows why',
    severity: 'SEV2',
    components: [{ id: checkout.id, status: 'degraded_performance' }],
    participants: [users.comms.id, users.responder.id],
    roles: { comms_lead: users.comms.id },
  });
  const played = { ...public_, incidentId: drill.id, version: 1, status: 'resolved' as const };
  await postUpdate(ctx, { ...played, body: 'Everyone can sign in.', reason: 'Practice', notify: true });
  const answers = {
    well: 'The first word came in time.',
    slow: '',
    change: 'A template for sign-in.',
    who: '',
  };
  await reviewDrill(ctx, { incidentId: drill.id, answers });
  // All four see it, and one of them may publish what another has written.
  await setApprover(ctx, { userId: users.owner.id, approver: true });
  const asComms = foghorn.contextFor(comms);
  const restricted = await declareRestricted(asComms, {
    title: 'A key lay open',
    severity: 'SEV2',
    components: [],
    viewers: Object.values(users).map(({ id }) => id),
  });
  const { updateId: approval } = await postUpdate(asComms, {
    ...public_,
    incidentId: restricted.id,
    version: 1,
    status: 'investigating',
    body: 'A key was public for an hour.',
    notify: true,
  });
  // As it stands when the time to take a post back has passed.
  const released = () => addMs(ctx.now(), HOUR);
  while (await expandNextChunk({ db: foghorn.db, now: released }));

  const seen = await foghorn.db.read(async (tx) => ({
    waiting: await tx
      .selectFrom('recipients')
      .select('id')
      .where('address', '=', asked.address)
      .executeTakeFirstOrThrow(),
    delivery: await tx
      .selectFrom('deliveries as d')
      .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
      .select(['d.seq', 'n.id'])
      .where('n.kind', '=', 'update')
      .executeTakeFirstOrThrow(),
  }));
  const path = (url: string) => new URL(url).pathname + new URL(url).search;
  const own = recipientLinks(ctx.site.url, ctx.sign, subscriber, now);
  const theirs = recipientLinks(ctx.site.url, ctx.sign, seen.waiting.id, now);
  const old = recipientLinks(ctx.site.url, ctx.sign, subscriber, addMs(now, -3 * DAY));
  const many = recipientLinks(ctx.site.url, ctx.sign, list, addMs(now, HOUR));
  return {
    foghorn,
    users,
    noticeId: seen.delivery.id,
    search: search.id,
    links: {
      unsubscribe: path(own.unsubscribe_url),
      manage: path(own.manage_url),
      confirm: path(theirs.confirm_url),
      join: path(invited.url),
      oldManage: path(old.manage_url),
      listUnsubscribe: path(many.unsubscribe_url),
      listLeave: path(many.leave_url),
    },
    ids: {
      '/admin/approvals/[]': approval,
      '/admin/accounts/[]': account,
      '/admin/audiences/[]': 'executives',
      '/admin/components/[]': checkout.id,
      '/admin/components/groups/[]': group.id,
      '/admin/deliveries/[]': seen.delivery.id,
      '/admin/deliveries/mail/[]': String(seen.delivery.seq),
      '/admin/drills/[]': drill.id,
      '/admin/duty/[]': duty,
      '/admin/incidents/[]': incident,
      '/admin/maintenance/[]': maintenance.id,
      '/admin/maintenance/series/[]': series.id,
      '/admin/subscribers/[]': subscriber,
      '/admin/subscribers/hooks/[]': hook.id,
      '/admin/settings/paging/[]': pager,
      '/admin/runbooks/[]': runbook,
      '/admin/templates/[]': template,
      '/brief/[]': brief,
      '/badge/[]': checkout.id,
      '/components/[]': checkout.id,
      '/embed/[]': checkout.id,
      '/embed/frame/[]': checkout.id,
      '/confirm/[]': path(theirs.confirm_url).split('/').at(-1) as string,
      '/duty/[]': calendar,
      '/history/[]': now.slice(0, 7),
      '/incidents/[]': incident,
      '/logo/[]': logo,
      '/maintenance/[]': maintenance.id,
      '/subscription/[]': path(own.manage_url).split('/').at(-1) as string,
      '/unsubscribe/[]': path(own.unsubscribe_url).split('/').at(-1) as string,
      '/webhook/[]': path(recipientLinks(ctx.site.url, ctx.sign, hook.id, now).hook_url)
        .split('/')
        .at(-1) as string,
      '/api/v2/[...]': 'nothing.json',
    },
  };
}

/** A route's pattern as the path of something that is there. @throws when the furniture has nothing for it */
export function pathOf(pattern: string, ids: Furnished['ids']): string {
  const plain = pattern.replace(/\[(\.\.\.)?[^\]]*\]/g, '[$1]');
  const parameter = /^(.*?\[(\.\.\.)?\])/.exec(plain)?.[1];
  if (!parameter) return plain;
  const id = ids[parameter];
  if (!id) throw new Error(`The furnished installation has nothing to show at ${pattern}. Add it there.`);
  const path = plain.replace(/\[(\.\.\.)?\]/, id);
  if (path.includes('[')) throw new Error(`${pattern} has two parameters. Say how to fill the second.`);
  return path;
}

/** Signs in by the form. @returns the Cookie header */
export async function signInAs(url: string, email: string): Promise<string> {
  const answer = await ask(url, '/admin/login', {
    method: 'POST',
    headers: { origin: url, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email, password: PASSWORD }).toString(),
  });
  if (answer.status !== 303) throw new Error(`${email} was not let in: ${answer.status} ${answer.body}`);
  return [answer.headers['set-cookie'] ?? []]
    .flat()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}

/** Time moves these by itself, or a sign-in does. */
const RESTLESS = ['sessions', 'workers'];

/** Every row of every other table, as text. */
export async function dump({ db }: Foghorn): Promise<Record<string, string[]>> {
  return db.read(async (tx) => {
    const all: Record<string, string[]> = {};
    for (const { name } of await tx.introspection.getTables()) {
      if (RESTLESS.includes(name)) continue;
      const rows = await tx
        .selectFrom(name as 'page')
        .selectAll()
        .execute();
      all[name] = rows.map((row) => JSON.stringify(row)).sort();
    }
    return all;
  });
}
