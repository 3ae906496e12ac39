import { listAuditOf } from '#db/audit.ts';
import { listClaimsOfSource } from '#db/claims.ts';
import { findComponents } from '#db/components.ts';
import { listUnsaid } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { findIncidentBySeq, type Incident } from '#db/incidents.ts';
import { listRoleHolders, type RoleHolder } from '#db/incidentTeam.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import { listUpdates, type Update } from '#db/updates.ts';
import { isCalledOff, pathOf } from '#domain/publicIncident.ts';
import { type AudienceFact, type AudienceKind, hearsInsideAtOnce, type What } from '#domain/stakeholders.ts';
import { type ComponentStatus, isOver, STATUS_LABELS } from '#domain/status.ts';
import { namesInWords, substitute } from '#domain/templates.ts';
import { durationText, type Instant, msBetween, whenText } from '#domain/time.ts';
import type { Rendered } from '#emails/render.ts';
import { renderStakeholderMail, type Said, type StakeholderMail } from '#emails/stakeholders.ts';
import { windowWords } from '#emails/update.ts';
import { ROLE_LABELS } from './incidentTeam.ts';
import { chatOf } from './stakeholderChat.ts';

/** All that can be said of an incident, inside and outside, as it is stored now. */
export type Story = {
  incident: Incident;
  page: Page;
  /** Everything that was said, the newest first. */
  said: Update[];
  /** Updates whose mail was stopped: nothing new repeats them. */
  stopped: number[];
  /** Updates the rest of whose mail was dropped: nobody is told them after all, though, once they are put right, they may be quoted. */
  dropped: number[];
  components: { id: string; name: string; status: ComponentStatus }[];
  team: RoleHolder[];
  declaration: { author: string; note: string | null };
};

export async function readStory(tx: Tx, incidentSeq: number): Promise<Story> {
  const incident = (await findIncidentBySeq(tx, incidentSeq)) as Incident;
  const claims = await listClaimsOfSource(tx, { kind: incident.kind, seq: incident.seq });
  const open = new Map(
    claims.filter(({ endsAt }) => endsAt === null).map(({ componentId, status }) => [componentId, status]),
  );
  const named = await findComponents(tx, [...new Set(claims.map(({ componentId }) => componentId))]);
  const audit = await listAuditOf(tx, 'incident', incident.id);
  const declared = audit.find(({ action }) => action === 'incident.declare');
  return {
    incident,
    page: await getPage(tx),
    said: await listUpdates(tx, incident.seq),
    ...(await listUnsaid(tx, incident.seq)),
    components: named.map(({ id, name }) => ({ id, name, status: open.get(id) ?? 'operational' })),
    team: await listRoleHolders(tx, incident.seq),
    declaration: {
      author: declared?.actor ?? '',
      note: typeof declared?.detail.note === 'string' ? declared.detail.note : null,
    },
  };
}

/** People who get the same text: an audience, or the accounts of one contact that are affected alike. */
export type Readers = {
  name: string;
  kind: AudienceKind;
  facts: readonly AudienceFact[];
  intro: string | null;
  /** Of accounts: in whose name they are told (null: the house's, their contact has left), and which components are theirs. */
  account: { contact: { name: string; address: string } | null; components: readonly string[] } | null;
};

export type Occasion = {
  what: What;
  lead: string | null;
  /** 0: the declaration. */
  updateSeq: number;
  /** They have not heard of the incident before: they get all that was said. */
  first: boolean;
  /** The first update (a seq) that they missed. */
  since?: number | null;
};

/** One text for these readers, for mail and for chats. What they may not know is left out here, and nowhere else. */
export function renderFor(
  ctx: Ctx,
  story: Story,
  readers: Readers,
  occasion: Occasion,
  now: Instant,
): { mail: Rendered; chat: string } {
  const said = contentFor(ctx, story, readers, occasion, now);
  // Whom it does not concern need not read what it is.
  const content =
    occasion.what === 'spared' ? { ...said, news: null, earlier: [], facts: [], promises: [] } : said;
  return { mail: renderStakeholderMail(content), chat: chatOf(content) };
}

/** At most so many updates are quoted in full. */
const MOST_WHOLE = 10;
const BRIEF = 3;

function contentFor(
  ctx: Ctx,
  story: Story,
  readers: Readers,
  { what, lead, updateSeq, first, since = null }: Occasion,
  now: Instant,
): StakeholderMail {
  const { incident, page } = story;
  const inside = readers.kind === 'inside';
  // What was said inside while it was restricted stays with those who saw it then.
  const wasSealed = (update: Update) => incident.unsealedAt !== null && update.postedAt < incident.unsealedAt;
  const mayRead = (update: Update) =>
    update.audience === 'public' || (inside && readers.facts.includes('inside') && !wasSealed(update));
  const visible = story.said.filter((update) => mayRead(update) && !story.stopped.includes(update.seq));
  const update = story.said.find((one) => one.seq === updateSeq && mayRead(one));
  const before = visible.filter(({ seq }) => seq < updateSeq);
  const whole = (seq: number) =>
    !story.dropped.includes(seq) &&
    (first || what === 'raised' || what === 'affected' || (since !== null && seq >= since));
  const status = update?.status ?? incident.status;
  const over = isOver(status);
  const missed = before.filter(({ seq }) => whole(seq)).slice(0, MOST_WHOLE);
  const brief = readers.facts.includes('before') ? before.filter(({ seq }) => !whole(seq)) : [];
  const components = readers.account
    ? story.components.filter(({ id }) => readers.account?.components.includes(id))
    : story.components;
  const shown = update ?? visible[0];
  return {
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    incident: {
      id: incident.id,
      title: incident.title,
      scope: incident.scope,
      status,
      startedAt: incident.startedAt,
      severity: inside ? (update?.severity ?? incident.severity) : null,
      published: incident.publishedAt !== null,
      window: windowOf(incident),
      calledOff:
        isOver(status) &&
        isCalledOff({
          ...incident,
          status,
          updates: story.said.filter(({ audience }) => audience === 'public'),
        }),
    },
    intro: readers.intro && introOf(ctx, story, readers.intro, status, now),
    lead,
    news: update ? saidOf(update) : newsOf(story, readers, what),
    earlier: [
      ...missed.map((one) => ({ ...saidOf(one), whole: true })),
      ...brief.slice(0, BRIEF).map((one) => ({ ...saidOf(one), whole: false })),
    ],
    facts: [
      ...(shown && readers.facts.includes('affected')
        ? factsOf([
            ['Who is affected', shown.affected],
            ['What still works', shown.workaround],
            ['Estimate', shown.estimate],
          ])
        : []),
      ...(inside && readers.facts.includes('team') && !over
        ? factsOf([['Who does what', teamWords(story.team)]])
        : []),
    ],
    promises: over || what === 'lowered' ? [] : promisesOf(story, readers, now),
    components: readers.facts.includes('components') ? components : [],
    componentsTitle: readers.account ? 'Your components' : 'Components',
    signature: readers.account?.contact ?? null,
    why: whyText(page, readers),
    mark: markOf(what, readers, update ?? null),
    now,
  };
}

/** null of what nobody planned. */
function windowOf({ kind, scheduledFor, scheduledUntil }: Incident): StakeholderMail['incident']['window'] {
  return kind === 'maintenance' && scheduledFor && scheduledUntil
    ? { from: scheduledFor, until: scheduledUntil }
    : null;
}

function saidOf({ status, audience, author, body, postedAt }: Update): Said {
  return { status, inside: audience === 'internal', author, body, postedAt };
}

/** Of a declaration the one line that it came with. */
function newsOf({ incident, declaration }: Story, { kind, facts }: Readers, what: What): Said | null {
  if (what !== 'declared' || kind !== 'inside' || !facts.includes('inside') || !declaration.note) return null;
  const { author, note } = declaration;
  return { status: 'investigating', inside: true, author, body: note, postedAt: incident.declaredAt };
}

function factsOf(all: readonly [string, string | null][]): { label: string; text: string }[] {
  return all.flatMap(([label, text]) => (text?.trim() ? [{ label, text }] : []));
}

function teamWords(team: readonly RoleHolder[]): string | null {
  const words = Object.entries(ROLE_LABELS).flatMap(([role, label]) => {
    const holder = team.find((one) => one.role === role);
    return holder ? [`${label}: ${holder.name}`] : [];
  });
  return words.length ? words.join('\n') : null;
}

/** A time that has passed is no promise: inside it is said to be late, and outside nothing is said. */
function promisesOf(
  { incident }: Story,
  { kind, facts }: Readers,
  now: Instant,
): { words: string; by: Instant }[] {
  const { nextUpdateDue, internalDue, publishedAt } = incident;
  if (kind === 'outside')
    return nextUpdateDue && nextUpdateDue > now ? [{ words: 'Next update by', by: nextUpdateDue }] : [];
  const promised = (what: string, by: Instant | null) =>
    by ? [{ words: by > now ? `${what} by` : `${what} is late, was due by`, by }] : [];
  return [
    ...promised(`${publishedAt ? 'Next' : 'First'} public update`, nextUpdateDue),
    ...promised('Next word inside', hearsInsideAtOnce(facts) ? internalDue : null),
  ];
}

function introOf(
  ctx: Ctx,
  { incident, page, components }: Story,
  intro: string,
  status: Incident['status'],
  now: Instant,
): string {
  return substitute(intro, {
    title: incident.title,
    severity: incident.severity,
    status: STATUS_LABELS[status],
    components: namesInWords(components.map(({ name }) => name)) || 'our service',
    started: whenText(incident.startedAt, page.timeZone, now),
    duration: durationText(msBetween(incident.startedAt, now)),
    page_name: page.name,
    page_url: ctx.site.url + pathOf(incident),
  }).text;
}

function whyText(page: Page, { name, kind, account }: Readers): string {
  if (account?.contact)
    return `You get this because ${account.contact.name} keeps you posted about the parts of ${page.name} that you use.`;
  // No account's name: accounts that use the same read the same text.
  if (account && !account.components.length)
    return `You get this because you were told that this is about parts of ${page.name} that you use.`;
  if (account) return `You get this because you use parts of ${page.name} that this is about.`;
  const why = `You get this because you are in “${name}” at ${page.name}.`;
  return kind === 'inside'
    ? `${why} It holds what is said inside: please do not pass it on to anyone outside.`
    : `${why} Should you not be, answer this mail.`;
}

function markOf(what: What, { kind }: Readers, update: Update | null): string | null {
  if (what === 'correction') return 'Correction';
  if (what === 'reminder') return 'Reminder';
  if (what === 'spared') return 'Not affected';
  if (what === 'affected') return 'Affected';
  const windowMark = update && windowWords(update.kind);
  if (windowMark) return windowMark;
  if (update?.kind === 'reopening') return `${STATUS_LABELS[update.status]} again`;
  if (kind === 'outside' || what === 'update') return update?.audience === 'internal' ? 'Inside' : null;
  return { declared: 'Declared', raised: 'raised', lowered: 'lowered' }[what];
}
