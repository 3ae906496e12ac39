import { z } from 'zod';
import { listCalls } from '#db/calls.ts';
import type { Ctx } from '#db/context.ts';
import type { Incident } from '#db/incidents.ts';
import {
  type Declared,
  getImportedSpan,
  listDeclared,
  listPublicCalls,
  listSaid,
  type RecordedIncident,
} from '#db/keptWord.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import { listUpdates } from '#db/updates.ts';
import type { Pace } from '#domain/cadence.ts';
import { type KeptFacts, type KeptSum, type KeptWord, keptWord, type Said, sumUp } from '#domain/keptWord.ts';
import { requirePermission } from '#domain/permissions.ts';
import { impactOf, SEVERITIES, type Severity } from '#domain/severity.ts';
import { type Silences, silencesByImpact } from '#domain/silences.ts';
import { addDays, dayIn, type Instant, MINUTE, parseInstant, startOfDay } from '#domain/time.ts';
import { pacesOf } from './pace.ts';
import { requireIncident } from './requireIncident.ts';

/** Days of the page's zone, both included. */
export type KeptRange = { from: string; to: string };

/** What visitors are shown, and what a report begins with. */
export const KEPT_DAYS = 90;

const day = (what: string) => z.string().trim().refine(isDay, `${what} is no day. Write it as 2026-11-21.`);

export const keptRangeInput = z
  .object({ from: day('The first day'), to: day('The last day') })
  .refine(({ from, to }) => from <= to, {
    path: ['to'],
    message: 'The last day is before the first. Set it later.',
  });

/** How one incident's updates compare with what was promised. null: nothing was ever promised of it. @throws AppError not_found */
export async function getKeptWord(ctx: Ctx, incidentId: string): Promise<KeptWord | null> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  return ctx.db.read(async (tx) =>
    readKeptWord(tx, await requireIncident(tx, incidentId, undefined, ctx.actor), now),
  );
}

/** getKeptWord of an incident that the reader may know of, as a part of what else is read of it. */
export async function readKeptWord(tx: Tx, incident: Incident, now: Instant): Promise<KeptWord | null> {
  if (incident.kind === 'maintenance') return null;
  const pace = (await pacesOf(tx, [incident])).get(incident) as Pace;
  const said = (await listUpdates(tx, incident.seq)).filter(({ audience }) => audience === 'public');
  const calls = (await listCalls(tx, [incident.seq])).filter(({ clock }) => clock === 'public');
  const facts = factsOf(incident, pace, said.reverse(), calls);
  // Of what is restricted nobody outside is owed a word.
  const kept = keptWord({ ...facts, minded: facts.minded && !incident.restricted }, now);
  return kept.words.length ? kept : null;
}

/** An incident with how its word was kept. */
export type KeptIncident = {
  id: string;
  title: string;
  severity: Severity;
  declaredAt: Instant;
  /** What the policy allows for the first update, in ms of what it counts; null when it asks for none. */
  firstAllowedMs: number | null;
  kept: KeptWord;
};

export type KeptReport = {
  range: KeptRange;
  /** The page's zone, and the day that it is there. */
  zone: string;
  today: string;
  all: KeptSum;
  bySeverity: { severity: Severity; sum: KeptSum }[];
  /** Every month of the range, whether anything happened in it or not. */
  byMonth: { month: string; sum: KeptSum }[];
  /** The latest first. */
  incidents: KeptIncident[];
  /** What does not count above, shown beside it. */
  apart: { what: Apart; sum: KeptSum }[];
  /** How long the page was silent in what was imported. */
  imported: Silences[];
  /** All that was ever imported, whatever the range; null when nothing was. */
  importedSpan: (KeptRange & { incidents: number }) | null;
};

export type Apart = 'drill' | 'import' | 'backfill';
const APART: readonly Apart[] = ['drill', 'import', 'backfill'];

/** How the word was kept in incidents that were declared in the range; the last 90 days when it is null. */
export async function getKeptReport(ctx: Ctx, wanted: KeptRange | null): Promise<KeptReport> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const { timeZone: zone } = await getPage(tx);
    const range = wanted ?? lastDaysRange(zone, now);
    const all = await readKept(tx, { from: startOfDay(range.from, zone), to: afterDay(range.to, zone) }, now);
    const counted = all.filter(({ incident }) => apartOf(incident) === null);
    const span = await getImportedSpan(tx);
    return {
      range,
      zone,
      today: dayIn(now, zone),
      all: sumUp(counted),
      bySeverity: SEVERITIES.flatMap((severity) => {
        const own = counted.filter((one) => one.severity === severity);
        return own.length ? [{ severity, sum: sumUp(own) }] : [];
      }),
      byMonth: monthsOf(range).map((month) => ({
        month,
        sum: sumUp(counted.filter(({ declaredAt }) => dayIn(declaredAt, zone).startsWith(month))),
      })),
      incidents: counted,
      apart: APART.flatMap((what) => {
        const own = all.filter(({ incident }) => apartOf(incident) === what);
        return own.length ? [{ what, sum: sumUp(own) }] : [];
      }),
      imported: silencesByImpact(
        all
          .filter(({ incident }) => apartOf(incident) === 'import')
          .map(({ incident, said }) => ({
            impact: incident.impactOverride ?? impactOf(incident.severity),
            said,
          })),
      ),
      importedSpan: span && {
        from: dayIn(span.first, zone),
        to: dayIn(span.last, zone),
        incidents: span.incidents,
      },
    };
  });
}

/** What visitors are shown of it. */
export type PublicKept = {
  sum: KeptSum;
  byMonth: { month: string; sum: KeptSum }[];
  range: KeptRange;
};

/** Of incidents that visitors saw, declared in the last 90 days; null where the owner does not show it. */
export async function readPublicKept(tx: Tx, page: Page, now: Instant): Promise<PublicKept | null> {
  if (!page.showKept) return null;
  const range = lastDaysRange(page.timeZone, now);
  const declared = { from: startOfDay(range.from, page.timeZone), to: null };
  const counted = (await readKept(tx, declared, now)).filter(
    ({ incident }) => apartOf(incident) === null && incident.publishedAt !== null,
  );
  return {
    range,
    sum: sumUp(counted),
    byMonth: monthsOf(range).map((month) => ({
      month,
      sum: sumUp(counted.filter(({ declaredAt }) => dayIn(declaredAt, page.timeZone).startsWith(month))),
    })),
  };
}

type Read = KeptIncident & { incident: RecordedIncident; said: readonly Said[] };

async function readKept(tx: Tx, declared: Declared, now: Instant): Promise<Read[]> {
  const incidents = await listDeclared(tx, declared);
  const paces = await pacesOf(tx, incidents);
  const said = Map.groupBy(await listSaid(tx, declared), ({ incidentSeq }) => incidentSeq);
  const calls = Map.groupBy(await listPublicCalls(tx, declared), ({ incidentSeq }) => incidentSeq);
  return incidents.map((incident) => {
    const pace = paces.get(incident) as Pace;
    const own = said.get(incident.seq) ?? [];
    const { id, title, severity, declaredAt } = incident;
    const minutes = pace.policy.firstPublicUpdate;
    return {
      incident,
      said: own,
      id,
      title,
      severity,
      declaredAt,
      firstAllowedMs: minutes === null ? null : minutes * MINUTE,
      kept: keptWord(factsOf(incident, pace, own, calls.get(incident.seq) ?? []), now),
    };
  });
}

function factsOf(
  incident: Pick<RecordedIncident, 'declaredAt' | 'resolvedAt' | 'nextUpdateDue' | 'source'>,
  pace: Pace,
  said: readonly Said[],
  calls: KeptFacts['calls'],
): KeptFacts {
  return {
    pace,
    minded: incident.source === 'own',
    declaredAt: incident.declaredAt,
    endedAt: incident.resolvedAt,
    nextDue: incident.nextUpdateDue,
    said,
    calls,
  };
}

/** Why an incident is not counted; null when it is. */
function apartOf({ drill, source }: Pick<RecordedIncident, 'drill' | 'source'>): Apart | null {
  if (drill) return 'drill';
  return source === 'own' ? null : source;
}

function lastDaysRange(zone: string, now: Instant): KeptRange {
  const to = dayIn(now, zone);
  return { from: addDays(to, 1 - KEPT_DAYS), to };
}

function afterDay(last: string, zone: string): Instant {
  return startOfDay(addDays(last, 1), zone);
}

/** YYYY-MM, the earliest first. */
function monthsOf({ from, to }: KeptRange): string[] {
  const months: string[] = [];
  for (let month = from.slice(0, 7); month <= to.slice(0, 7); month = addDays(`${month}-28`, 4).slice(0, 7))
    months.push(month);
  return months;
}

function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && parseInstant(`${text}T12:00Z`) !== null;
}
