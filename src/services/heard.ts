import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import { listChoices } from '#db/choices.ts';
import { listComing, listTouched } from '#db/concerned.ts';
import type { Ctx } from '#db/context.ts';
import * as heard from '#db/heard.ts';
import { type Incident, listOpen } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { findSuppression, type Suppression } from '#db/suppressions.ts';
import { type Choice, type Choices, concerns } from '#domain/choice.ts';
import { isNamed, type Sought, type Told } from '#domain/heard.ts';
import { type HeardFacts, heardReply } from '#domain/heardReply.ts';
import { CHANNEL_LABELS } from '#domain/hooks.ts';
import { requirePermission } from '#domain/permissions.ts';
import { parseAddress, singleLine } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';
import { findDomain, type HeardDomain } from './heardDomain.ts';
import { shownPlace } from './shownAddress.ts';
import { erasedKey } from './subscribers.ts';

/** One address: who it is to us, what it was told, what comes next, and what to answer when its owner asks. */
export type HeardPerson = {
  found: 'person';
  address: string;
  /** `shown` is a webhook's URL, or as much of a chat's as may be shown; null of mail. */
  parts: (Omit<heard.Known, 'address'> & { follows: string; shown: string | null })[];
  suppression: Suppression | null;
  told: Told[];
  /** The `before` of the page of older messages; null on the last. */
  older: number | null;
  /** Messages that were posted and are still being turned into one copy a person, this one's among them. */
  coming: { subject: string; postedAt: Instant; stopped: boolean }[];
  open: {
    id: string;
    kind: Incident['kind'];
    title: string;
    status: Incident['status'];
    due: Instant | null;
  }[];
  reply: string;
};

export type HeardNames = {
  found: 'names';
  name: string;
  /** `hookId` names a webhook or chat, whose address says only as much as may be shown. */
  people: { name: string; address: string; hookId: string | null }[];
  /** How many more are called so than are shown. */
  more: number;
};

export type Heard = HeardPerson | HeardDomain | HeardNames;

export const lookUpInput = z.object({ sought: singleLine(254, 'What you look for').transform(readSought) });

const MESSAGES = 50;
const NAMES = 50;

/**
 * What an address was told, or everyone of a domain, or people inside who are called so. Every look is on record in the audit, because
 * it is about people.
 */
export async function lookUp(
  ctx: Ctx,
  input: { sought: Sought; before?: number | null; after?: string },
): Promise<Heard> {
  requirePermission(ctx.actor, 'subscriber.read');
  const result = await find(ctx, input);
  await ctx.db.write((tx) => insertAudit(tx, ctx, auditOf(ctx, result)));
  return result;
}

async function find(
  ctx: Ctx,
  { sought, before = null, after = '' }: Parameters<typeof lookUp>[1],
): Promise<Heard> {
  return ctx.db.read(async (tx) => {
    if (sought.by === 'address') return findPerson(tx, ctx, sought.address, before);
    if (sought.by === 'domain') {
      const found = await findDomain(tx, sought.domain, after);
      if (found.people.length || after) return found;
    }
    // What could be a domain may be a name: "j.smith".
    const name = sought.by === 'name' ? sought.name : sought.domain;
    const named = (await heard.listNamed(tx)).filter((person) => isNamed(person.name, name));
    const people = [...new Map(named.map((person) => [person.address, person])).values()];
    const [only] = people;
    if (only && people.length === 1) return findPerson(tx, ctx, only.address, before);
    if (sought.by === 'domain' && !people.length) return findDomain(tx, sought.domain, after);
    return {
      found: 'names',
      name,
      people: people.slice(0, NAMES).map(({ id, ...one }) => ({
        name: one.name,
        address: shownPlace(one),
        hookId: id,
      })),
      more: Math.max(0, people.length - NAMES),
    };
  });
}

async function findPerson(tx: Tx, ctx: Ctx, address: string, before: number | null): Promise<HeardPerson> {
  const known = await heard.listKnownAt(tx, address);
  const choices = await listChoices(tx);
  const recipientSeqs = known.map(({ seq }) => seq);
  const rows = await heard.listTold(tx, { recipientSeqs, before, limit: MESSAGES + 1 }, ctx.actor);
  const told = rows.slice(0, MESSAGES).map(withPlace);
  // The reply is about the newest, whichever page of older ones is open.
  const newest =
    before === null ? told : await heard.listTold(tx, { recipientSeqs, before: null, limit: MESSAGES });
  const suppression =
    (await findSuppression(tx, address)) ?? (await findSuppression(tx, erasedKey(ctx, address)));
  const incidents = await listConcerning(tx, known);
  const parts = known.map(({ address: own, ...part }) => ({
    ...part,
    shown: part.channel === 'email' ? null : shownPlace({ channel: part.channel, address: own }),
    follows: followsText(part.choice, choices),
  }));
  // Found by its own URL: of a chat that is a secret.
  const self = parts.find((_, index) => known[index]?.address === address)?.shown ?? address;
  const page = await getPage(tx);
  const news = newest.filter(({ kind, state }) => isNews(kind) && state !== 'superseded');
  const { url } = ctx.site;
  return {
    found: 'person',
    address: self,
    parts,
    suppression,
    told,
    older: rows.length > MESSAGES ? (told.at(-1)?.seq ?? null) : null,
    coming: await listComing(tx, recipientSeqs, ctx.now(), ctx.actor),
    open: incidents.map(({ id, kind, title, status, nextUpdateDue }) => ({
      id,
      kind,
      title,
      status,
      due: nextUpdateDue,
    })),
    reply: heardReply({
      address: self,
      page: { name: page.name, url, zone: page.timeZone },
      subscription: subscriptionOf(parts),
      hooks: parts.flatMap((part) => (part.shown === null ? [] : [hookStanding(part, part.shown)])),
      isMember: known.some(({ kind, state }) => kind !== 'subscriber' && state === 'confirmed'),
      suppression: suppression && { reason: suppression.reason, since: suppression.createdAt },
      last: news[0] ?? null,
      lastHandedOver: news.find(({ state }) => LEFT.includes(state)) ?? null,
      open: incidents
        .filter(({ publishedAt }) => publishedAt !== null)
        .map(({ kind, id, title, status, nextUpdateDue }) => ({
          title,
          status,
          url: `${url}/${kind === 'maintenance' ? 'maintenance' : 'incidents'}/${id}`,
          nextUpdateDue,
        })),
    }),
  };
}

const LEFT: readonly Told['state'][] = ['accepted', 'delivered', 'bounced', 'complained'];

/** Of a chat that was called no more than may be shown. */
function withPlace(told: Told): Told {
  const { hook } = told;
  return { ...told, hook: hook && { ...hook, url: shownPlace({ ...hook, address: hook.url }) } };
}

function isNews(kind: Told['kind']): boolean {
  return (heard.NEWS as readonly Told['kind'][]).includes(kind);
}

function subscriptionOf(parts: HeardPerson['parts']): HeardFacts['subscription'] {
  const part = parts.find(({ kind, channel }) => kind === 'subscriber' && channel === 'email');
  if (!part) return null;
  const since = { pending: part.createdAt, confirmed: part.confirmedAt, unsubscribed: part.unsubscribedAt };
  return { state: part.state, since: since[part.state], follows: part.follows };
}

function hookStanding(part: HeardPerson['parts'][number], shown: string): HeardFacts['hooks'][number] {
  const { channel, state, confirmedAt, follows, quarantinedAt } = part;
  const label = channel === 'email' ? '' : CHANNEL_LABELS[channel];
  return { label, shown, state, since: confirmedAt, follows, restsSince: quarantinedAt };
}

/** "the whole page", "everything of Shop, and Search". */
function followsText({ wholePage, scopes }: Choice, { groups, components }: Choices): string {
  if (wholePage) return 'the whole page';
  const names = new Map(
    [...groups, ...groups.flatMap((group) => group.components), ...components].map(({ id, name }) => [
      id,
      name,
    ]),
  );
  const followed = scopes.flatMap(({ kind, id }) => {
    const name = names.get(id);
    return name ? [kind === 'group' ? `everything of ${name}` : name] : [];
  });
  if (!followed.length) return 'nothing that still exists';
  return new Intl.ListFormat('en').format(followed);
}

/** The open ones that visitors can see and that this address hears of; of an unknown address, all. */
async function listConcerning(tx: Tx, known: readonly heard.Known[]): Promise<Incident[]> {
  const open = (await listOpen(tx)).filter(
    ({ publishedAt, restricted, drill }) => publishedAt && !restricted && !drill,
  );
  const followers = known.filter(({ kind, state }) => kind === 'subscriber' && state === 'confirmed');
  if (!followers.length) return open;
  const touched = Map.groupBy(
    await listTouched(
      tx,
      open.map(({ seq }) => seq),
    ),
    ({ incidentSeq }) => incidentSeq,
  );
  return open.filter(({ seq }) => {
    const rows = touched.get(seq) ?? [];
    const filter = {
      components: rows.map(({ componentId }) => componentId),
      groups: rows.flatMap(({ groupId }) => groupId ?? []),
    };
    return followers.some(({ choice }) => concerns(choice, filter));
  });
}

/** Nobody's address stands in the audit: who is known is named by id, and others by a mark that is the same for the same address. */
function auditOf(ctx: Ctx, result: Heard) {
  const action = 'subscriber.lookUp';
  if (result.found === 'domain') return { action, subjectKind: 'domain', subjectId: result.domain };
  const mark = (text: string) => ctx.sign('audit-lookup', text).slice(0, 10);
  if (result.found === 'names') return { action, subjectKind: 'name', subjectId: mark(result.name) };
  const [part] = result.parts;
  return part
    ? { action, subjectKind: part.kind, subjectId: part.id }
    : { action, subjectKind: 'address', subjectId: mark(result.address) };
}

/** Anything with an @ before its end is an address or nothing; a bare "acme.example" or "@acme.example" is a domain. */
function readSought(text: string, issues: z.RefinementCtx): Sought {
  if (/^https?:\/\//i.test(text)) return { by: 'address', address: URL.parse(text)?.href ?? text };
  const domain = /^@?([^@\s]+\.[^@\s]+)$/.exec(text)?.[1];
  const parsed = domain && parseAddress(`x@${domain}`)?.slice('x@'.length);
  if (parsed) return { by: 'domain', domain: parsed };
  if (!text.includes('@')) return { by: 'name', name: text };
  const address = parseAddress(text);
  if (address) return { by: 'address', address };
  issues.addIssue({
    code: 'custom',
    message:
      'This is no whole mail address. Write mia@acme.example, acme.example for everyone there, or a name.',
  });
  return z.NEVER;
}
