import { endWait, setRelease } from '#db/contents.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listUnfinished } from '#db/unfinished.ts';
import { waitUnder } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';
import { paceOf } from './pace.ts';
import { releaseAfter } from './updateMail.ts';

/**
 * Lets mail to subscribers that waits by the policy of a milder severity leave when that of the present one would have it leave. It puts
 * nothing off: what was to leave sooner does. A part of the transaction that changes the severity.
 * @returns whether anything leaves sooner
 */
export async function bringForward(tx: Tx, incident: Incident, now: Instant): Promise<boolean> {
  const waiting = (await listUnfinished(tx, incident.seq, 'subscribers')).filter(
    ({ wait, releaseAt }) => wait !== null && releaseAt > now,
  );
  if (!waiting.length) return false;
  const { policy } = await paceOf(tx, incident);
  const atOnce = releaseAfter({ page: await getPage(tx), now });
  let hastens = false;
  for (const { noticeSeq, wait, releaseAt } of waiting) {
    const until = wait && waitUnder(policy, wait);
    if (!until || until >= releaseAt || atOnce >= releaseAt) continue;
    if (until > atOnce) await setRelease(tx, [noticeSeq], until);
    else await endWait(tx, [noticeSeq], atOnce);
    hastens = true;
  }
  return hastens;
}
