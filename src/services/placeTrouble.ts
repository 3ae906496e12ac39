import type { Ctx } from '#db/context.ts';
import { LAST_CALL, listCalls, QUARANTINED } from '#db/hookCalls.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listLastOutcomes, listPlaces, listUntoldPlaces, markTold, type Place } from '#db/places.ts';
import { getUserByEmail } from '#db/users.ts';
import { refusalFix } from '#domain/paging.ts';
import { may } from '#domain/permissions.ts';
import { dateTimeText, type Instant } from '#domain/time.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { placeWords } from './hookPlace.ts';
import { mailStaff } from './staffMail.ts';

// What is said when a place where staff are called does not take its calls.

/** In the shape in which the admin's health is told (deliveryHealth.ts). */
type Trouble = { level: 'trouble'; message: string; fix: string; at?: { href: string; label: string } };

/** For the top of the admin: each place where nobody is reached, with what to do. */
export async function readPlaceTrouble(ctx: Ctx): Promise<Trouble[]> {
  return ctx.db.read(async (tx) => {
    const places = await listPlaces(tx);
    if (!places.length) return [];
    const { timeZone } = await getPage(tx);
    const outcomes = await listLastOutcomes(
      tx,
      places.map(({ seq }) => seq),
    );
    const mayMend = may(ctx.actor, 'settings.write');
    const items: Trouble[] = [];
    for (const place of places) {
      const last = outcomes.get(place.seq);
      // What a place answers is for those who set it up: it may say more than others should read.
      const item = place.restsSince
        ? restItem(place, place.restsSince, mayMend ? await lastWords(tx, place) : null, timeZone)
        : last?.state === 'refused'
          ? refusedItem(place, mayMend ? last.reason : null)
          : null;
      if (!item) continue;
      items.push({
        ...item,
        ...(mayMend
          ? {
              at: {
                href: `/admin/settings/paging/${place.id}`,
                label: place.restsSince ? 'Try again' : 'Mend it',
              },
            }
          : { fix: `${item.fix} Ask an owner.` }),
      });
    }
    return items;
  });
}

function restItem(place: Place, since: Instant, reason: string | null, zone: string): Trouble {
  return {
    level: 'trouble',
    message:
      `Staff are not called at “${place.name}” since ${dateTimeText(since, zone)}, because its calls failed. ${reason ?? ''}`.trim(),
    fix: 'They are still mailed. Once it works again, let calls go on.',
  };
}

function refusedItem(place: Place, reason: string | null): Trouble {
  return {
    level: 'trouble',
    message: `“${place.name}” refused the last call to staff. ${reason ?? ''}`.trim(),
    fix: refusalFix(place.channel),
  };
}

/** Mails the owner of each place where calls have stopped, once for each time. @returns how many were told */
export async function tellRestingPlaces(ctx: Ctx): Promise<number> {
  if (!(await ctx.db.read(listUntoldPlaces)).length) return 0;
  const now = ctx.now();
  const told = await ctx.db.write(async (tx) => {
    const page = await getPage(tx);
    const site = { name: page.name, url: ctx.site.url, timeZone: page.timeZone };
    const untold = await listUntoldPlaces(tx);
    for (const place of untold) {
      const reason = await lastWords(tx, place);
      const rendered = renderStaffMail({
        site,
        about: place.id,
        subject: `Staff are no longer called at “${place.name}”`,
        lines: [
          `Calls to this ${placeWords(place.channel)} failed, so since ${dateTimeText(place.restsSince as Instant, page.timeZone)} nothing is sent there. Staff are still called by mail.`,
          ...(reason ? [`The last call: ${reason}`] : []),
        ],
        deed: {
          words: 'See what is wrong, and try again',
          url: `${site.url}/admin/settings/paging/${place.id}`,
        },
      });
      const name = (await getUserByEmail(tx, place.owner))?.name ?? place.owner;
      const people = [{ name, email: place.owner }];
      await mailStaff(tx, ctx, { incidentSeq: null, people, rendered });
      await markTold(tx, place.seq, now);
    }
    return untold.length;
  });
  if (told) ctx.changed('outbox');
  return told;
}

/** What came of the last call that was made. */
async function lastWords(tx: Tx, { seq }: Place): Promise<string | null> {
  const said = (await listCalls(tx, seq, 20)).flatMap(({ state, reason }) => {
    if (state === 'superseded') return [];
    const words = reason?.startsWith(QUARANTINED) ? reason.split(LAST_CALL)[1] : reason;
    return words ? [words] : [];
  });
  return said[0] ?? null;
}
