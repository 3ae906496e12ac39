import { insertAudit } from '#db/audit.ts';
import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import { listKeptMaintenance } from '#db/maintenance.ts';
import {
  endSeries as endSeriesRow,
  findSeries,
  insertSeries,
  listOpenSeries,
  listSlots,
  type Series,
} from '#db/maintenanceSeries.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { requirePermission, userIdOf } from '#domain/permissions.ts';
import { daysOf, type RecurrenceRule } from '#domain/recurrence.ts';
import { addDays, DAY, dayIn, fromLocal, type Instant, msBetween } from '#domain/time.ts';
import { wallEnd } from '#domain/wallTime.ts';
import { HOUSE_LOCALE, type Locale } from '#i18n/locales.ts';
import { wordsIn } from '#i18n/words.ts';
import { ruleText, seriesText } from '#i18n/work.ts';
import { eachInTurn } from './inTurn.ts';
import { asNeverBegun, planWithin } from './maintenance.ts';
import { newPostIds, postWithin, tellOthers, type Written } from './postUpdate.ts';
import { requireComponents } from './requireComponents.ts';

export type SeriesInput = {
  title: string;
  body: string;
  scope?: string | null;
  components: readonly string[];
  rule: RecurrenceRule;
  /** The first window, on the wall clock of the page's zone: YYYY-MM-DDTHH:MM. */
  firstLocal: string;
  /** How long each is, on the wall clock. */
  minutes: number;
  /** The last day on which one may begin; null: until it is ended. */
  lastDay?: string | null;
  notify: boolean;
  byItself?: boolean;
};

/** So long before it begins a window is made at the latest, so that everyone can be reminded in time... */
const AHEAD_DAYS = 4;
/** ...and so many always stand on the page. */
export const AHEAD = 2;
/** Further ahead nobody looks for the next one. */
const HORIZON_DAYS = 800;

/**
 * Plans work that comes again and again. The first window is announced by mail; later ones stand on the page some days ahead, and people
 * are reminded of each. Each may be moved or called off by itself.
 */
export async function scheduleSeries(ctx: Ctx, input: SeriesInput): Promise<{ id: string; told: number }> {
  requirePermission(ctx.actor, 'maintenance.write');
  const id = ctx.newId();
  const now = ctx.now();
  const written = await ctx.db.write(async (tx) => {
    const { timeZone } = await getPage(tx);
    refuseSeries(input, timeZone, now);
    await requireComponents(
      tx,
      input.components.map((component) => ({ id: component })),
    );
    const made: Omit<Series, 'seq' | 'endedAt'> = {
      id,
      title: input.title,
      body: input.body,
      scope: input.scope ?? null,
      components: [...input.components],
      rule: input.rule,
      clock: input.firstLocal.slice(11, 16),
      minutes: input.minutes,
      firstDay: input.firstLocal.slice(0, 10),
      lastDay: input.lastDay ?? null,
      byItself: input.byItself ?? true,
      tells: input.notify,
      ownerId: userIdOf(ctx.actor),
      createdAt: now,
    };
    const seq = await insertSeries(tx, made);
    await insertAudit(tx, ctx, {
      action: 'maintenance.repeat',
      subjectKind: 'maintenanceSeries',
      subjectId: id,
      detail: {
        text: `${input.title}: ${ruleText(wordsIn(HOUSE_LOCALE), input.rule)}, ${made.clock} (${timeZone})`,
      },
    });
    return makeNext(tx, ctx, { ...made, seq, endedAt: null }, timeZone);
  });
  for (const one of written) tellOthers(ctx, one);
  return { id, told: written.reduce((sum, { told }) => sum + told, 0) };
}

/**
 * Makes the next windows of everything that comes again: a duty of the clock. A window is made once, by the day that it is for, whatever
 * becomes of it and however many processes look; one series of which none can be made keeps no other from its turn.
 * @returns how many were made
 */
export async function makeNextWindows(base: Ctx): Promise<number> {
  const ctx: Ctx = { ...base, actor: { kind: 'system', name: 'Foghorn, by the clock' } };
  const due = await ctx.db.read(async (tx) => {
    const { timeZone } = await getPage(tx);
    const open = await listOpenSeries(tx);
    const missing = [];
    for (const series of open)
      if (isPast(series, timeZone, ctx.now()) || (await missingDays(tx, series, timeZone, ctx.now())).length)
        missing.push(series.seq);
    return missing;
  });
  let made = 0;
  await eachInTurn(due, async (seq) => {
    const written = await ctx.db.write(async (tx) => {
      const { timeZone } = await getPage(tx);
      const series = (await listOpenSeries(tx)).find((one) => one.seq === seq);
      if (!series) return [];
      if (!isPast(series, timeZone, ctx.now())) return makeNext(tx, ctx, series, timeZone);
      await endSeriesRow(tx, seq, ctx.now());
      return [];
    });
    for (const one of written) tellOthers(ctx, one);
    made += written.length;
  });
  return made;
}

async function makeNext(tx: Tx, ctx: Ctx, series: Series, zone: string): Promise<Written[]> {
  const isFirst = (await listSlots(tx, series.seq)).length === 0;
  const days = await missingDays(tx, series, zone, ctx.now());
  const written: Written[] = [];
  for (const [index, slot] of days.entries()) {
    const window = windowOn(series, slot, zone);
    written.push(
      await planWithin(
        tx,
        ctx,
        {
          title: series.title,
          body: `${series.body}\n\n${wordsOf(series, zone, ctx.site.languages[0])}`,
          scope: series.scope,
          scheduledFor: window.from,
          scheduledUntil: window.until,
          components: await stillThere(tx, series.components),
          notify: series.tells,
          byItself: series.byItself,
        },
        {
          id: ctx.newId(),
          ids: newPostIds(ctx),
          ownerId: series.ownerId,
          series: { seq: series.seq, slot },
          announce: series.tells && isFirst && index === 0,
        },
      ),
    );
  }
  return written;
}

/** What was archived since is not under maintenance any more. */
async function stillThere(tx: Tx, ids: readonly string[]): Promise<string[]> {
  const rows = await findComponents(tx, ids);
  return ids.filter((id) => rows.some((row) => row.id === id && row.archivedAt === null));
}

/** "Every Tuesday, 02:00 to 04:00, Europe/Berlin time." */
export function wordsOf({ rule, clock, minutes, lastDay }: Series, zone: string, locale: Locale): string {
  const [hours = 0, rest = 0] = clock.split(':').map(Number);
  const end = (hours * 60 + rest + minutes) % (24 * 60);
  const endClock = `${String(Math.floor(end / 60)).padStart(2, '0')}:${String(end % 60).padStart(2, '0')}`;
  const until = minutes < 24 * 60 ? endClock : null;
  return seriesText(wordsIn(locale), rule, { from: clock, until, zone, lastDay });
}

async function missingDays(tx: Tx, series: Series, zone: string, now: Instant): Promise<string[]> {
  const made = await listSlots(tx, series.seq);
  return nextDays(series, zone, now).filter((day) => !made.includes(day));
}

/** The days whose windows should stand by now: what has begun is none of them. */
export function nextDays(
  series: Pick<Series, 'rule' | 'firstDay' | 'lastDay' | 'clock' | 'minutes'>,
  zone: string,
  now: Instant,
  least = AHEAD,
): string[] {
  const today = dayIn(now, zone);
  const horizon = addDays(today, HORIZON_DAYS);
  const to = series.lastDay !== null && series.lastDay < horizon ? series.lastDay : horizon;
  const coming = daysOf(series.rule, { first: series.firstDay, from: today, to }).filter(
    (day) => windowOn(series, day, zone).from > now,
  );
  return coming.filter(
    (day, index) => index < least || msBetween(now, windowOn(series, day, zone).from) <= AHEAD_DAYS * DAY,
  );
}

export function windowOn(
  { clock, minutes }: Pick<Series, 'clock' | 'minutes'>,
  day: string,
  zone: string,
): { from: Instant; until: Instant } {
  const from = fromLocal(`${day}T${clock}`, zone) as Instant;
  return { from, until: wallEnd(from, minutes, zone) };
}

function isPast({ lastDay }: Series, zone: string, now: Instant): boolean {
  return lastDay !== null && dayIn(now, zone) > lastDay;
}

/**
 * Ends what comes again: none of its windows that has not begun takes place. What runs goes on.
 * @returns how many windows were called off
 */
export async function endSeries(
  ctx: Ctx,
  input: { seriesId: string; body: string; notify: boolean },
): Promise<number> {
  requirePermission(ctx.actor, 'maintenance.write');
  const written = await ctx.db.write(async (tx) => {
    const series = await findSeries(tx, input.seriesId);
    if (!series)
      throw new AppError('not_found', 'There is no such series.', { fix: 'Open it from the list.' });
    if (!(await endSeriesRow(tx, series.seq, ctx.now())))
      throw new AppError('conflict', 'It has ended already.', { fix: 'There is nothing left to do.' });
    await insertAudit(tx, ctx, {
      action: 'maintenance.endSeries',
      subjectKind: 'maintenanceSeries',
      subjectId: series.id,
      detail: { text: series.title },
    });
    const ahead = (await listKeptMaintenance(tx)).filter(
      ({ incident, plan }) => plan.seriesSeq === series.seq && incident.status === 'scheduled',
    );
    const all: Written[] = [];
    for (const [index, { incident }] of ahead.entries())
      all.push(
        await postWithin(
          tx,
          ctx,
          {
            incidentId: incident.id,
            version: incident.version,
            audience: 'public',
            status: 'completed',
            body: input.body,
            components: [],
            // One mail says that none of them comes.
            notify: input.notify && index === 0,
            ...asNeverBegun(incident.scheduledFor, ctx.now()),
          },
          newPostIds(ctx),
        ),
      );
    return all;
  });
  for (const one of written) tellOthers(ctx, one);
  return written.length;
}

const SHORTEST = 5;
const LONGEST = 7 * 24 * 60;

function refuseSeries(input: SeriesInput, zone: string, now: Instant): void {
  const first = fromLocal(input.firstLocal, zone);
  const firstDay = input.firstLocal.slice(0, 10);
  const problems: FieldProblem[] = [];
  if (!first || first <= now)
    problems.push({
      field: 'scheduledFor',
      message: 'The start has passed already. Give a time that is still to come.',
    });
  if (input.minutes < SHORTEST || input.minutes > LONGEST)
    problems.push({
      field: 'scheduledUntil',
      message: 'The end is not after the start, or more than a week later. Set it otherwise.',
    });
  const last = input.lastDay ?? null;
  if (last !== null && last < firstDay)
    problems.push({ field: 'lastDay', message: 'The last day is before the first. Set it later.' });
  else if (
    first &&
    !nextDays({ ...input, clock: input.firstLocal.slice(11, 16), firstDay, lastDay: last }, zone, now).length
  )
    problems.push({ field: 'repeat', message: 'There is no such day. Choose another, or a later last day.' });
  if (problems.length)
    throw new AppError('invalid', 'It cannot come again like this.', {
      problems,
      fix: 'Correct the marked fields.',
    });
}
