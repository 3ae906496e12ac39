import type { Ctx } from '#db/context.ts';
import type { Db } from '#db/open.ts';
import { insertUser } from '#db/users.ts';
import type { Actor, Role } from '#domain/permissions.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { createAccount } from '#services/accounts.ts';
import { addMember, ensureAudiences } from '#services/audiences.ts';
import { createComponent, createGroup } from '#services/components.ts';
import { addShift } from '#services/duty.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { addSubscriber } from '#services/subscriberRecords.ts';
import { saveSubscription } from '#services/subscriptions.ts';
import { ensureDefaultTemplates } from '#services/templates.ts';
import { makePage } from '../support/factory.ts';
import type { Stage } from './stage.ts';

/** Everyone of the stories, in the order in which they are told of. */
const STAFF = {
  ana: ['Ana', 'comms'],
  ben: ['Ben', 'comms'],
  dora: ['Dora', 'comms'],
  carla: ['Carla', 'responder'],
  mona: ['Mona', 'owner'],
  rui: ['Rui', 'responder'],
  jonas: ['Jonas', 'responder'],
} as const satisfies Record<string, readonly [name: string, role: Role]>;
export type StaffName = keyof typeof STAFF;

const IN_AUDIENCES = { executives: 'eva', managers: 'marc', support: 'sue' } as const;

type Listener = { mode: Mode; zone?: string; of?: 'Checkout' | 'Search' };
const SUBSCRIBERS = {
  pia: { mode: 'policy' },
  elin: { mode: 'everything' },
  uma: { mode: 'everything' },
  imre: { mode: 'important' },
  dee: { mode: 'digest' },
  dai: { mode: 'digest', zone: 'America/New_York' },
  cleo: { mode: 'policy', of: 'Checkout' },
  cora: { mode: 'everything', of: 'Checkout' },
  otis: { mode: 'policy', of: 'Search' },
} as const satisfies Record<string, Listener>;

export const ACCOUNTS = { ann: 'Acme', gus: 'Globex' } as const;

/** Whether someone is called in an incident, rather than told of it. */
export const isStaff = (address: string) => Object.keys(STAFF).some((name) => address === staffAddress(name));

/** Whom an address belongs to. */
export function nameOf(address: string): string {
  const name = address.split('@')[0] as string;
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export const staffAddress = (name: string) => `${name}@harbour.example`;
export const publicAddress = (name: string) => `${name}@example.org`;

export type Town = {
  checkout: string;
  search: string;
  by: (name: StaffName) => Actor;
  /** The link in someone's own mails by which they leave. */
  leaveToken: (stage: Stage, name: keyof typeof SUBSCRIBERS) => string;
};

export type DutyPlan = {
  from: Instant;
  to: Instant;
  primary: StaffName;
  second: StaffName;
  manager: StaffName;
};

/** A page with two components, staff on a rota, someone in each audience, two accounts, and subscribers of every kind. */
export async function settleTown(db: Db, stage: Stage, duty: readonly DutyPlan[]): Promise<Town> {
  const ctx: Ctx = { ...stage.ctx, actor: { kind: 'system', name: 'set-up' } };
  await makePage(db, { settings: '{}' });
  await ensureAudiences(ctx);
  await ensureDefaultTemplates(ctx);
  const shop = await createGroup(ctx, { name: 'Shop' });
  const checkout = (await createComponent(ctx, { name: 'Checkout', groupId: shop.id })).id;
  const search = (await createComponent(ctx, { name: 'Search', groupId: shop.id })).id;
  const createdAt = addMs(ctx.now(), -30 * DAY);
  await db.write(async (tx) => {
    for (const [id, [name, role]] of Object.entries(STAFF))
      await insertUser(tx, { id, email: staffAddress(id), name, role, passwordHash: '!', createdAt });
  });
  for (const { from, to, primary, second, manager } of duty)
    await addShift(ctx, { from, to, primary, second, manager });
  for (const [audience, name] of Object.entries(IN_AUDIENCES))
    await addMember(ctx, audience, { address: staffAddress(name), name: nameOf(name) });
  const acme = await createAccount(ctx, { name: ACCOUNTS.ann, contactId: 'jonas', components: [checkout] });
  const globex = await createAccount(ctx, { name: ACCOUNTS.gus, contactId: 'jonas', components: [search] });
  await addMember(ctx, acme, { address: 'ann@acme.example', name: 'Ann' });
  await addMember(ctx, globex, { address: 'gus@globex.example', name: 'Gus' });
  for (const [name, listener] of Object.entries<Listener>(SUBSCRIBERS)) {
    const id = await addSubscriber(ctx, { address: publicAddress(name), consent: 'the fair' });
    const { manage_url } = recipientLinks(ctx.site.url, ctx.sign, id, ctx.now());
    const of = listener.of && { Checkout: checkout, Search: search }[listener.of];
    await saveSubscription(ctx, manage_url.split('/').at(-1) as string, {
      wholePage: !of,
      groups: [],
      components: of ? [of] : [],
      pace: { mode: listener.mode, timeZone: listener.zone ?? null },
    });
  }
  await addHookSubscriber(ctx, {
    channel: 'webhook',
    url: stage.hookUrl,
    name: 'Helm',
    owner: 'owner@example.org',
  });
  return {
    checkout,
    search,
    by: (id) => {
      const [name, role] = STAFF[id];
      return { kind: 'user', id, name, email: staffAddress(id), role };
    },
    leaveToken: ({ arrivals }, name) => {
      const last = arrivals.findLast(({ to }) => to === publicAddress(name));
      const link = last?.mail?.headers['List-Unsubscribe'] ?? '';
      return /unsubscribe\/([^>]+)>/.exec(link)?.[1] as string;
    },
  };
}
