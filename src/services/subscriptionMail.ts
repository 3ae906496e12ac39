import type { Ctx } from '#db/context.ts';
import { insertDelivery } from '#db/deliveries.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import type { Recipient } from '#db/recipients.ts';
import { listAsks, type SubscriptionMailKind } from '#db/subscriptionMails.ts';
import { PRIORITY } from '#domain/priority.ts';
import { addMs, DAY, type Instant, MINUTE } from '#domain/time.ts';
import type { MailSite, Rendered } from '#emails/render.ts';

const ASK_AGAIN_AFTER = 10 * MINUTE;
const ASKS_PER_DAY = 5;

/** Of a kind that says the same, nobody gets more than one mail in 10 minutes and five a day, whoever presses what. */
const ALIKE: Record<SubscriptionMailKind, readonly SubscriptionMailKind[]> = {
  confirm: ['confirm', 'already'],
  already: ['confirm', 'already'],
  manage: ['manage'],
  leave: ['leave'],
  unsubscribed: ['unsubscribed'],
};

/** What mails say of the page that they are from. */
export async function mailSite(ctx: Ctx, tx: Tx): Promise<MailSite> {
  const page = await getPage(tx);
  const { url, languages } = ctx.site;
  return { name: page.name, url, timeZone: page.timeZone, languages };
}

/**
 * Queues a mail about someone's subscription, unless they have had enough of them for now. One from before `freshFrom` does not count
 * for the ten minutes.
 * @returns whether it was queued
 */
export async function queueOwnMail(
  tx: Tx,
  person: Pick<Recipient, 'seq'>,
  mail: {
    id: string;
    kind: SubscriptionMailKind;
    rendered: Rendered;
    freshFrom: Instant | null;
    now: Instant;
  },
): Promise<boolean> {
  const { id, kind, rendered, freshFrom, now } = mail;
  const asks = await listAsks(tx, {
    recipientSeq: person.seq,
    kinds: ALIKE[kind],
    since: addMs(now, -DAY),
  });
  if (asks.length >= ASKS_PER_DAY) return false;
  const last = asks[0];
  const counts = last !== undefined && (freshFrom === null || last > freshFrom);
  if (counts && last > addMs(now, -ASK_AGAIN_AFTER)) return false;
  const about = { kind, incidentSeq: null, updateSeq: null, priority: PRIORITY.urgent, rendered, now };
  const noticeSeq = await insertNotice(tx, { id, ...about });
  await insertDelivery(tx, { noticeSeq, recipientSeq: person.seq, priority: PRIORITY.urgent, now });
  return true;
}
