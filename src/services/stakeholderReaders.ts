import { type Account, listAccounts } from '#db/accounts.ts';
import { type Audience, type AudienceMember, listAudiences, listMembersOf } from '#db/audiences.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import type { Telling } from '#db/tellings.ts';
import type { Severity } from '#domain/severity.ts';
import { ACCOUNTS, type Moment, WHAT_FIRST, type What, whatFor } from '#domain/stakeholders.ts';
import { paceOf } from './pace.ts';
import type { Readers } from './stakeholderMail.ts';

type Part = { id: string; name: string; people: number };

/** Readers of one text, with the audience or accounts that they are, and what they are told. */
export type Group = {
  readers: Readers;
  what: What;
  /** They have not been told of the incident before. */
  first: boolean;
  parts: Part[];
  members: AudienceMember[];
};

/** Who is told what: an audience each, and accounts by who tells them and what of theirs is affected. Nobody is in two of them. */
export async function chooseReaders(
  tx: Tx,
  {
    incident,
    touched,
    moment,
    told,
    accountsOnly,
  }: {
    incident: Pick<Incident, 'severity' | 'policySeq'>;
    touched: readonly string[];
    moment: Moment;
    told: readonly Telling[];
    /** In place of what the moment says: these accounts alone (ids), and what they are told. */
    accountsOnly?: { ids: readonly string[]; what: What };
  },
): Promise<Group[]> {
  const audiences = await listAudiences(tx);
  if (!audiences.length) return [];
  const accounts = await listAccounts(tx);
  const tells = await tellsBy(tx, incident.policySeq, moment);
  const heardBy = (id: string) => {
    const heard = told.filter(({ audienceId }) => audienceId === id);
    // A correction puts words right, and promises nothing else.
    const last = heard.findLast(({ what }) => what !== 'correction');
    return { toldBefore: heard.length > 0, waitsForEnd: last?.what === 'lowered' };
  };
  const members = Map.groupBy(
    await listMembersOf(
      tx,
      [...audiences, ...accounts].map(({ id }) => id),
    ),
    ({ audienceId }) => audienceId,
  );
  const own = (moment.planned || accountsOnly ? [] : audiences).flatMap((audience): Group[] => {
    const people = members.get(audience.id) ?? [];
    const heard = heardBy(audience.id);
    const what = whatFor(moment, {
      ...audience,
      tells: (severity) => tells(audience, severity),
      ...heard,
    });
    if (!what || !people.length) return [];
    return [
      {
        readers: { ...audience, account: null },
        what,
        first: !heard.toldBefore,
        parts: [{ id: audience.id, name: audience.name, people: 0 }],
        members: people,
      },
    ];
  });
  const audience = audiences.find(({ id }) => id === ACCOUNTS);
  const theirs = audience
    ? accounts.flatMap((account): Group[] => {
        const people = members.get(account.id) ?? [];
        const affected = account.components.map(({ id }) => id).filter((id) => touched.includes(id));
        const heard = heardBy(account.id);
        const said = whatFor(moment, {
          ...audience,
          kind: 'outside',
          tells: (severity) => affected.length > 0 && (moment.planned || tells(audience, severity)),
          ...heard,
        });
        const named = accountsOnly?.ids.includes(account.id) ? accountsOnly.what : null;
        const what = accountsOnly ? named : said;
        if (!what || !people.length) return [];
        return [
          {
            readers: readersOf(audience, account, affected),
            what,
            first: !heard.toldBefore,
            parts: [{ id: account.id, name: account.name, people: 0 }],
            members: people,
          },
        ];
      })
    : [];
  return onceEach([...own, ...alike(theirs)], members);
}

/** What an account reads: its own components, in the name of its contact, and in that of the house when there is none. */
export function readersOf(audience: Audience, account: Account, affected: readonly string[]): Readers {
  const { contact } = account;
  return {
    name: account.name,
    kind: 'outside',
    facts: audience.facts,
    intro: audience.intro,
    account: { contact: contact && { name: contact.name, address: contact.address }, components: affected },
  };
}

async function tellsBy(
  tx: Tx,
  policySeq: number | null,
  { severity, before }: Moment,
): Promise<(audience: Audience, at: Severity) => boolean> {
  const policies = new Map<Severity, readonly string[]>();
  for (const one of [severity, before])
    if (one)
      policies.set(
        one,
        (await paceOf(tx, { severity: one, policySeq, paceZone: null, ownPace: null })).policy.audiences,
      );
  return (audience, at) =>
    audience.severities?.includes(at) ?? policies.get(at)?.includes(audience.id) ?? false;
}

/** Accounts that get the same words are told by one message. */
function alike(groups: readonly Group[]): Group[] {
  const key = ({ readers, what, first }: Group) =>
    JSON.stringify([readers.account?.contact?.address, readers.account?.components, what, first]);
  return [...Map.groupBy(groups, key).values()].map(([one, ...others]) => ({
    ...(one as Group),
    parts: [one as Group, ...others].flatMap(({ parts }) => parts),
    members: [one as Group, ...others].flatMap(({ members }) => members),
  }));
}

/** Leaves everyone in the one group that tells them most. An audience all of whose people are elsewhere stays, with nobody in it. */
function onceEach(
  groups: readonly Group[],
  membersOf: ReadonlyMap<string, readonly AudienceMember[]>,
): Group[] {
  const rank = ({ what, readers }: Group) =>
    (what === 'lowered' ? 100 : 0) + (readers.kind === 'outside' ? 10 : 0) + WHAT_FIRST.indexOf(what);
  const seen = new Set<string>();
  return [...groups]
    .sort((a, b) => rank(a) - rank(b))
    .map((group) => {
      const members = group.members.filter(({ channel, address }) => {
        const place = `${channel} ${address}`;
        if (seen.has(place)) return false;
        seen.add(place);
        return true;
      });
      const here = new Set(members.map(({ seq }) => seq));
      const parts = group.parts.map((part) => ({
        ...part,
        people: (membersOf.get(part.id) ?? []).filter(({ seq }) => here.has(seq)).length,
      }));
      return { ...group, members, parts };
    });
}
