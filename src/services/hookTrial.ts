import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { insertDelivery } from '#db/deliveries.ts';
import { listCalls } from '#db/hookCalls.ts';
import type { Hook } from '#db/hooks.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import type { ApiSnapshot } from '#domain/apiSnapshot.ts';
import { AppError } from '#domain/errors.ts';
import type { HookPayload } from '#domain/hooks.ts';
import { PRIORITY } from '#domain/priority.ts';
import type { PublicIncident } from '#domain/publicIncident.ts';
import { addMs, type Instant } from '#domain/time.ts';
import { webhookCalls } from '#formats/webhook.ts';
import { payloadOf } from './hookPayload.ts';
import { hookAudit } from './hookPlace.ts';

/** One call of a sample, at someone's wish: it goes the way of all calls, so it shows what theirs will meet. */
const AGAIN_AFTER = 10_000;

/** @throws AppError too_many (with `retryAfter`) */
export async function queueTrial(
  tx: Tx,
  ctx: Ctx,
  hook: Hook,
  { noticeId, now }: { noticeId: string; now: Instant },
): Promise<void> {
  const payload = samplePayload(await getPage(tx), ctx.site.url, now);
  await queueSample(tx, { recipientSeq: hook.seq, noticeId, subject: 'Sample call', payload, now });
  await insertAudit(tx, ctx, hookAudit('hook.test', hook));
}

/** Calls one receiver once with this. @throws AppError too_many (with `retryAfter`) */
export async function queueSample(
  tx: Tx,
  {
    recipientSeq,
    noticeId,
    subject,
    payload,
    now,
  }: { recipientSeq: number; noticeId: string; subject: string; payload: HookPayload; now: Instant },
): Promise<void> {
  const [last] = (await listCalls(tx, recipientSeq, 20)).filter((call) => call.kind === 'test');
  if (last && last.createdAt > addMs(now, -AGAIN_AFTER))
    throw new AppError('too_many', 'A sample was sent a moment ago.', {
      fix: 'Look at what came of it, and try again in ten seconds.',
      retryAfter: AGAIN_AFTER / 1000,
    });
  const shared = { priority: PRIORITY.urgent, now };
  const noticeSeq = await insertNotice(tx, {
    id: noticeId,
    kind: 'test',
    incidentSeq: null,
    updateSeq: null,
    rendered: { subject, html: '', text: '', headers: {} },
    payload: JSON.stringify(payload),
    ...shared,
  });
  await insertDelivery(tx, { noticeSeq, recipientSeq, lane: 'hook', ...shared });
}

/** What became of the last sample: in words, once it is known. */
export type HookTrial = { at: Instant; outcome: 'waiting' | 'taken' | 'failed'; words: string };

export async function readTrial(tx: Tx, recipientSeq: number): Promise<HookTrial | null> {
  const [last] = (await listCalls(tx, recipientSeq, 20)).filter((call) => call.kind === 'test');
  if (!last) return null;
  const at = last.createdAt;
  if (last.state === 'queued' || last.state === 'in_batch')
    return { at, outcome: 'waiting', words: 'The sample is on its way.' };
  if (last.state === 'accepted')
    return {
      at,
      outcome: 'taken',
      words: last.answer
        ? `The sample was taken: ${last.answer}.`
        : 'The sample was taken: answered with success.',
    };
  return { at, outcome: 'failed', words: last.reason ?? 'The sample was not taken.' };
}

function samplePayload(page: Page, siteUrl: string, now: Instant): HookPayload {
  const id = 'sample000000';
  const component = {
    id: 'sample000001',
    name: 'Example component',
    description: null,
    position: 1,
    createdAt: now,
    updatedAt: now,
    groupId: null,
    status: 'operational' as const,
    showcase: true,
    onlyShowIfDegraded: false,
    startDate: null,
  };
  const update = {
    id: 'sample000002',
    status: 'resolved' as const,
    kind: 'resolution',
    body: 'This is a sample. Nothing is wrong, and nothing was.',
    scope: null,
    affected: null,
    workaround: null,
    estimate: null,
    nextUpdateBy: null,
    postedAt: now,
    createdAt: now,
    updatedAt: now,
    editedAt: null,
    changes: [],
    notified: true,
  };
  const incident: PublicIncident = {
    id,
    kind: 'incident',
    title: 'Sample: nothing is wrong',
    scope: null,
    severity: 'SEV4',
    impact: 'none',
    status: 'resolved',
    startedAt: now,
    identifiedAt: null,
    monitoringAt: null,
    resolvedAt: now,
    scheduledFor: null,
    scheduledUntil: null,
    nextUpdateDue: null,
    shortlink: `${siteUrl}/`,
    createdAt: now,
    updatedAt: now,
    updates: [update],
    components: [
      {
        id: component.id,
        name: component.name,
        status: 'operational',
        began: { status: 'operational', at: now },
        listed: true,
      },
    ],
  };
  const snapshot: ApiSnapshot = {
    page: { id: page.publicId, name: page.name, url: siteUrl, timeZone: page.timeZone, updatedAt: now },
    groups: [],
    components: [component],
    archived: [],
    open: [],
    incidents: [],
    maintenances: [],
  };
  const news = {
    site: page.name,
    heading: incident.title,
    tone: 'over' as const,
    body: update.body,
    facts: [],
    promise: null,
    components: [{ name: component.name, status: 'operational' as const, words: 'Operational' }],
    link: { words: 'The status page', url: `${siteUrl}/` },
  };
  return payloadOf(news, webhookCalls(snapshot, incident, update));
}
