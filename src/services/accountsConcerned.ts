import { listAccounts } from '#db/accounts.ts';
import { listMembersOf } from '#db/audiences.ts';
import type { Ctx } from '#db/context.ts';
import type { Incident } from '#db/incidents.ts';
import { listWaitingMail, spareAllBut } from '#db/narrow.ts';
import type { Tx } from '#db/open.ts';
import { deleteTellings, listHeard, listTellings } from '#db/tellings.ts';
import type { Update } from '#db/updates.ts';
import type { Instant } from '#domain/time.ts';
import { tellAccounts } from './stakeholders.ts';

/**
 * An account none of whose components is affected after all is not told a moment later, nor later how it ends; and one that is affected
 * again is not told a moment later that nothing of its own is.
 */
export async function spareAccounts(
  tx: Tx,
  { seq }: Incident,
  touched: readonly string[],
  now: Instant,
): Promise<void> {
  const waiting = await listWaitingMail(tx, seq, 'stakeholders', now);
  if (!waiting.length) return;
  const accounts = await listAccounts(tx);
  const spared = accounts
    .filter(({ components }) => !components.some(({ id }) => touched.includes(id)))
    .map(({ id }) => id);
  const members = await listMembersOf(
    tx,
    accounts.map(({ id }) => id),
  );
  const tellings = await listTellings(tx, seq);
  for (const fanout of waiting) {
    const told = tellings.filter(({ noticeSeq }) => noticeSeq === fanout.noticeSeq);
    const gone = told
      .filter(({ audienceId }) => accounts.some(({ id }) => id === audienceId))
      .filter(({ audienceId, what }) => spared.includes(audienceId) !== (what === 'spared'))
      .map(({ audienceId }) => audienceId);
    if (!gone.length) continue;
    const people = (fanout.filter.people ?? []).filter(
      (person) => !members.some((one) => one.seq === person && gone.includes(one.audienceId)),
    );
    await spareAllBut(tx, fanout, people, now);
    await deleteTellings(tx, fanout.noticeSeq, gone);
  }
}

/**
 * Tells the accounts that have heard of an incident for a component that it does not touch that it is not theirs, and, when it turns out
 * to be theirs again, that as well: else they would wait for word that never comes.
 * @param update the latest word to visitors, by which they are told
 * @param before what the incident touched until now
 * @returns how many people it is for
 */
export async function putAccountsRight(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  { update, before, touched }: { update: Update; before: readonly string[]; touched: readonly string[] },
): Promise<number> {
  const removed = before.filter((id) => !touched.includes(id));
  const heard = await listHeard(tx, incident.seq);
  const told = (await listAccounts(tx)).flatMap(({ id, components }) => {
    // A correction puts words right, and says nothing of whose they are.
    const last = heard.findLast(({ audienceId, what }) => audienceId === id && what !== 'correction');
    if (!last) return [];
    const uses = (those: readonly string[]) => components.some((one) => those.includes(one.id));
    return [{ id, isTouched: uses(touched), wasTouched: uses(removed), isSpared: last.what === 'spared' }];
  });
  const idsOf = (those: typeof told) => those.map(({ id }) => id);
  const spared = idsOf(told.filter((one) => one.wasTouched && !one.isTouched && !one.isSpared));
  const affected = idsOf(told.filter((one) => one.isTouched && one.isSpared));
  return (
    (await tellAccounts(tx, ctx, incident, { update, ids: spared, what: 'spared' })) +
    (await tellAccounts(tx, ctx, incident, { update, ids: affected, what: 'affected' }))
  );
}
