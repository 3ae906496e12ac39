import { Resend } from 'resend';
import type { Limits as AccountLimits, QuotaWord } from '#domain/quotas.ts';
import { type Instant, toInstant } from '#domain/time.ts';
import type { Sender } from '../mail.ts';
import type { Limits, Outcome, Transport } from '../transport.ts';
import { buildBody, releaseBody } from './resendBody.ts';

/** Below the lease's length: whoever holds a batch has its answer, or none, before another may take it. */
const TIMEOUT_MS = 15_000;
const HOUR_MS = 3_600_000;
/** What an answer asks for beyond this is a mistake: a quota's month is the longest that there is to wait for. */
const LONGEST_WAIT_MS = 31 * 24 * HOUR_MS;

/** Resend's batch endpoint: up to 100 mails a call, all taken or none (`strict`), repeatable under one idempotency key for 24 h. */
export function resendTransport(options: {
  apiKey: string;
  baseUrl: string;
  sender: Sender;
  /** Tells our mails' receipts from those of others who send by the same account (`installationMark`). */
  mark: string;
  /** As Transport has it. */
  keyMark?: string;
  /** What the operator says of the account's limits, for where it does not tell them. */
  limits?: AccountLimits;
  timeoutMs?: number;
}): Transport {
  const resend = new Resend(options.apiKey, { baseUrl: options.baseUrl });
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const askAccount = () => readUsage(resend, timeoutMs);
  return {
    name: 'resend',
    lane: 'mail',
    batchSize: 100,
    // Calls wait for the far end most of their time. Each holds its bytes, a megabyte or two.
    concurrency: 12,
    paced: true,
    keyMark: options.keyMark,
    limits: options.limits ?? { day: null, month: null },
    build: async (mails) => buildBody(mails, options.sender, options.mark),
    async send(batch) {
      const reply = await postBatch(resend, batch, timeoutMs);
      const outcome = await readReply(reply, batch.size, askAccount);
      const limits = limitsOf(reply.headers);
      if (!limits) return outcome;
      return {
        ...outcome,
        limits: { ...limits, quotas: [...(outcome.limits?.quotas ?? []), ...limits.quotas] },
      };
    },
    release: releaseBody,
    readAccount: askAccount,
    close: async () => undefined,
  };
}

/**
 * Posts a batch's bytes as they are stored. The SDK hands `fetch` what is given here in place of what it would have written itself: a
 * stream, because `fetch` copies bytes that it gets whole (a body is megabytes, and the collector would have to follow each copy), with
 * its length, so that it does not leave in chunks.
 */
export function postBatch(
  resend: Resend,
  batch: { key: string; body: Buffer },
  timeoutMs: number,
): Promise<Reply> {
  const request = {
    body: new ReadableStream({
      start(stream) {
        stream.enqueue(batch.body);
        stream.close();
      },
    }),
    duplex: 'half',
    // A body that can be read only once cannot follow, and the key is for this host alone.
    redirect: 'error',
    idempotencyKey: batch.key,
    headers: { 'x-batch-validation': 'strict', 'content-length': String(batch.body.length) },
    signal: AbortSignal.timeout(timeoutMs),
  } as const;
  return resend.post<unknown>('/emails/batch', null, request);
}

type Reply = { data: unknown; error: unknown; headers: Record<string, string> | null };

/** What the reply means, case by case (https://resend.com/docs/api-reference/errors). */
async function readReply(
  reply: Reply,
  mails: number,
  askAccount: () => Promise<Limits | null>,
): Promise<Outcome> {
  const header = (name: string) => reply.headers?.[name];
  if (reply.error === null || reply.error === undefined) {
    const ids = readIds(reply.data);
    // All are taken or none: an answer that tells of some is no word on the others, and the key tells once it is asked again.
    if (ids?.length !== mails) return unknown('Resend answered without a result for each mail.', null, true);
    return { kind: 'accepted', providerIds: ids };
  }
  const { status, name, message } = readError(reply.error);
  const reason = `Resend: ${message || name} (${status ?? 'no answer'}${name ? `, ${name}` : ''})`;
  // No time at all is no wish: asked again in the same breath, it would say the same.
  const retryAfter = seconds(header('retry-after')) || null;

  if (status === null || status >= 500 || status === 408 || status < 400)
    return unknown(reason, retryAfter, true);
  if (status === 429) {
    if (name !== 'daily_quota_exceeded' && name !== 'monthly_quota_exceeded')
      return {
        kind: 'retry',
        afterMs: atMostAnHour(retryAfter ?? (seconds(header('ratelimit-reset')) || 1_000)),
        reason,
        unreachable: false,
      };
    const period = name === 'daily_quota_exceeded' ? 'day' : 'month';
    const quotas = (await askAccount())?.quotas ?? [];
    return {
      kind: 'park',
      period,
      until: quotas.find((quota) => quota.period === period)?.resetsAt ?? null,
      // Without a known time it is tried once an hour: a call that is turned away costs nothing.
      afterMs: retryAfter ?? HOUR_MS,
      reason,
      limits: { rate: null, quotas },
    };
  }
  if (name === 'concurrent_idempotent_requests') return unknown(reason, retryAfter ?? 2_000, false);
  if (name === 'invalid_idempotent_request' || name === 'invalid_idempotency_key')
    return { kind: 'ownBug', reason };
  if (status === 409) return unknown(reason, retryAfter, false);
  const fix = configurationFix(status, name, message);
  if (fix) return { kind: 'configuration', reason, fix };
  // The SDK's own name for what is not in Resend's words.
  return { kind: 'payloadFault', reason, bySomeoneElse: name === '' || name === 'application_error' };
}

function unknown(reason: string, afterMs: number | null, unreachable: boolean): Outcome {
  return { kind: 'unknown', reason, afterMs: afterMs && atMostAnHour(afterMs), unreachable };
}

/** One more call costs nothing; to be silent for longer could outlast the key, and everyone would wait on one word of a proxy's. */
function atMostAnHour(ms: number): number {
  return Math.min(ms, HOUR_MS);
}

/** A field that all mails have alike, as Resend names it: isolating the fault would refuse everyone. */
const SHARED = /[`'"](from|reply_to|replyTo|headers?|tags?)(\.\w+|\[[^\]]*\])*[`'"]/;

/**
 * What an operator must do, when the fault is in the account or in our settings; null when it is in the mails. A sender that Resend does
 * not accept counts as ours: it is the same in every mail, and isolating it would refuse everyone.
 */
function configurationFix(status: number, name: string, message: string): string | null {
  if (name === 'invalid_from_address')
    return 'Set MAIL_FROM to an address of a domain that is verified in Resend, then resume.';
  if (
    status === 401 ||
    name === 'invalid_api_key' ||
    name === 'missing_api_key' ||
    name === 'restricted_api_key'
  )
    return 'Set RESEND_API_KEY to a key of the same team that may send, then resume: another team knows nothing of what was handed over before.';
  if (status === 403)
    return 'Verify the domain of MAIL_FROM in Resend (the test domain only reaches your own address), then resume.';
  if (status === 451) return 'Resend has stopped this account for security: ask their support, then resume.';
  if (status === 402) return 'Settle the bill or raise the plan in Resend, then resume.';
  if (status === 404 || status === 405) return 'Check RESEND_BASE_URL, then resume.';
  if (SHARED.test(message))
    return 'Check MAIL_FROM and MAIL_REPLY_TO: each must be one whole address, such as support@example.com. If one message alone names another, stop that message. Then resume.';
  return null;
}

/** The error as data: the status stands in Resend's body, so anything may be there when a proxy wrote it. */
function readError(error: unknown): { status: number | null; name: string; message: string } {
  const fields = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
  return {
    status: typeof fields.statusCode === 'number' ? fields.statusCode : null,
    name: typeof fields.name === 'string' ? fields.name : '',
    message: typeof fields.message === 'string' ? fields.message.slice(0, 300) : '',
  };
}

function readIds(data: unknown): (string | null)[] | null {
  const list = (data as { data?: unknown } | null)?.data;
  if (!Array.isArray(list)) return null;
  return list.map((entry) => (typeof entry?.id === 'string' ? entry.id : null));
}

/** What the headers of an answer say of pace and quotas; null when there was no answer. The quota headers count what is used. */
function limitsOf(headers: Reply['headers']): Limits | null {
  if (!headers) return null;
  const limit = whole(headers['ratelimit-limit']);
  const policy = /;\s*w=(\d+)/.exec(headers['ratelimit-policy'] ?? '')?.[1];
  const quotas: QuotaWord[] = [];
  const day = whole(headers['x-resend-daily-quota']);
  const month = whole(headers['x-resend-monthly-quota']);
  if (day !== null) quotas.push({ period: 'day', used: day });
  if (month !== null) quotas.push({ period: 'month', used: month });
  return {
    rate: limit
      ? {
          limit,
          remaining: whole(headers['ratelimit-remaining']),
          resetMs: seconds(headers['ratelimit-reset']),
          windowMs: policy ? Number(policy) * 1000 : null,
        }
      : null,
    quotas,
  };
}

/**
 * The account's own figures; null when the key may not see them. Only a free plan has a day's limit, and only a free plan's month turns
 * mails away: the others go on for money.
 */
async function readUsage(resend: Resend, timeoutMs: number): Promise<Limits | null> {
  const { data, headers } = await resend.usage.get({ signal: AbortSignal.timeout(timeoutMs) });
  const rate = limitsOf(headers)?.rate ?? null;
  if (!data?.emails) return rate && { rate, quotas: [] };
  const { daily, monthly } = data.emails;
  const hard = typeof daily?.limit === 'number';
  const quotas: QuotaWord[] = [];
  if (daily)
    quotas.push({ period: 'day', used: daily.used, limit: daily.limit, resetsAt: daily.resets_at, hard });
  if (monthly)
    quotas.push({
      period: 'month',
      used: monthly.used,
      limit: monthly.limit,
      resetsAt: monthly.resets_at,
      hard,
    });
  return { rate, quotas: quotas.map((quota) => ({ ...quota, resetsAt: instantOf(quota.resetsAt) })) };
}

function instantOf(text: unknown): Instant | null {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : toInstant(ms);
}

/** A header's number; null when it is none, or when others could not count with it. */
function whole(value: string | undefined): number | null {
  const number = Number(value);
  return value?.trim() && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

function seconds(value: string | undefined): number | null {
  const number = Number(value);
  return value?.trim() && Number.isFinite(number) && number >= 0
    ? Math.min(LONGEST_WAIT_MS, Math.ceil(number * 1000))
    : null;
}
