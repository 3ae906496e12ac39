import { endQueued, insertDelivery } from '#db/deliveries.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { insertPagingWord, listOpenWords, listWaitingWords, NEWER_CALL } from '#db/pagingWords.ts';
import { listPlaces, type Place } from '#db/places.ts';
import type { Call } from '#domain/calls.ts';
import { alertsOf, isCalled } from '#domain/paging.ts';
import { PRIORITY } from '#domain/priority.ts';
import type { Instant } from '#domain/time.ts';

/**
 * Where this call goes beside mail. Of what is restricted nowhere, because named people alone know of it; of a drill nowhere, because it
 * reaches those who take part and nobody else.
 */
export async function placesFor(
  tx: Tx,
  incident: Pick<Incident, 'restricted' | 'drill' | 'severity'>,
  call: Pick<Call, 'clock' | 'kind'>,
): Promise<Place[]> {
  if (incident.restricted || incident.drill) return [];
  const places = await listPlaces(tx);
  return places.filter((place) => place.restsSince === null && isCalled(place, incident.severity, call));
}

/**
 * Promises the call to each of these places, in the transaction that makes it. What of the same clock still waits there is dropped. A pager
 * that was told that someone has it gets the call as another alert, from a notice of its own; all others from the call's.
 */
export async function callPlaces(
  tx: Tx,
  {
    places,
    incident,
    call,
    noticeSeq,
    writeAlert,
    now,
  }: {
    places: readonly Place[];
    incident: Pick<Incident, 'seq' | 'id'>;
    call: Call;
    noticeSeq: number;
    /** Writes the notice of the same call as an alert with this number, from 2. @returns its seq */
    writeAlert: (alert: number) => Promise<number>;
    now: Instant;
  },
): Promise<void> {
  const notices = new Map([[1, noticeSeq]]);
  for (const { seq: recipientSeq, channel } of places) {
    const row = { recipientSeq, incidentSeq: incident.seq, incidentKey: incident.id, clock: call.clock };
    await dropWords(tx, await listWaitingWords(tx, row), NEWER_CALL, now);
    const alert = channel === 'pager' ? alertsOf(await listOpenWords(tx, row)).next : 1;
    const notice = notices.get(alert) ?? (await writeAlert(alert));
    notices.set(alert, notice);
    await sayAt(tx, { ...row, action: 'trigger', due: call.due }, { noticeSeq: notice, now });
  }
}

/** Puts one word to a place in the outbox, ahead of everything. */
export async function sayAt(
  tx: Tx,
  word: Omit<Parameters<typeof insertPagingWord>[1], 'deliverySeq' | 'now'>,
  { noticeSeq, now }: { noticeSeq: number; now: Instant },
): Promise<void> {
  const { recipientSeq } = word;
  const delivery = { noticeSeq, recipientSeq, priority: PRIORITY.staff, lane: 'hook' as const, now };
  await insertPagingWord(tx, { ...word, deliverySeq: await insertDelivery(tx, delivery), now });
}

export function dropWords(tx: Tx, seqs: readonly number[], reason: string, now: Instant): Promise<void> {
  return endQueued(tx, seqs, { state: 'superseded', reason, now });
}
