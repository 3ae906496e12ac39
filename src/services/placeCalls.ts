import { endQueued, insertDelivery } from '#db/deliveries.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { insertPagingWord, listWaitingWords, NEWER_CALL } from '#db/pagingWords.ts';
import { listPlaces, type Place } from '#db/places.ts';
import type { Call } from '#domain/calls.ts';
import { isCalled } from '#domain/paging.ts';
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

/** Promises the call to each of these places, in the transaction that makes it. What of the same clock still waits there is dropped. */
export async function callPlaces(
  tx: Tx,
  {
    places,
    incident,
    call,
    noticeSeq,
    now,
  }: {
    places: readonly Place[];
    incident: Pick<Incident, 'seq' | 'id'>;
    call: Call;
    noticeSeq: number;
    now: Instant;
  },
): Promise<void> {
  for (const { seq: recipientSeq } of places) {
    const row = { recipientSeq, incidentSeq: incident.seq, incidentKey: incident.id, clock: call.clock };
    await dropWords(tx, await listWaitingWords(tx, row), NEWER_CALL, now);
    await sayAt(tx, { ...row, action: 'trigger', due: call.due }, { noticeSeq, now });
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
