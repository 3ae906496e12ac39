import { createHash, createHmac } from 'node:crypto';
import { type HookPayload, type HookRules, hookBodies, type PlaceChannel } from '#domain/hooks.ts';
import { PRIORITY } from '#domain/priority.ts';
import { type Mail, UnsendableMail } from '../mail.ts';
import type { Call, MailResult, Outcome, Transport } from '../transport.ts';
import { callHook, type HookAnswer, type Resolve } from './hookCall.ts';
import { createGate } from './hookGate.ts';

/** Calls at a time. Each is a socket that waits, so there may be many. */
const CALLS = 64;
/** Of those, kept for calls to staff: a receiver that is slow to answer holds its place for as long as it takes. */
const KEPT_FOR_URGENT = 8;
const TIMEOUT_MS = 30_000;
/** How soon a call comes back that found its host busy. */
const BUSY_MS = 5_000;

/** One delivery as it is frozen. A webhook may get several calls of it, a chat gets one. */
type Entry = {
  delivery: number;
  channel: PlaceChannel;
  url: string;
  /** What calls are signed with; of a pager its routing key, which stands in the calls themselves. */
  secret: string | null;
  oldSecret: Mail['oldSecret'];
  /** The bytes of each call, with the id by which its receiver can tell a repeat. */
  calls: { id: string; body: string }[];
};

/**
 * Calls of webhooks and chats. Each is settled by its own answer. A repeat has the same id and the same bytes, signed anew with the
 * time of the call, as Standard Webhooks (1.0.0) asks.
 */
export function hookTransport(options: {
  rules: HookRules;
  resolve: Resolve;
  siteUrl: string;
  timeoutMs?: number;
  /** Milliseconds since the epoch: what a signature is dated with. */
  now?: () => number;
  /** How long a call waits for its turn at a busy host. */
  gateMs?: number;
}): Transport {
  const gate = createGate(options.gateMs);
  const closing = new AbortController();
  return {
    name: 'hook',
    lane: 'hook',
    // A slow receiver then holds nobody's call but its own.
    batchSize: 1,
    concurrency: CALLS,
    keptForUrgent: KEPT_FOR_URGENT,
    build: async (mails) => Buffer.from(JSON.stringify(mails.map((mail) => entryOf(mail, options.siteUrl)))),
    async send(batch, call) {
      const entries = JSON.parse(batch.body.toString()) as Entry[];
      const open = new Set(batch.members.filter((member) => member.open).map((member) => member.seq));
      await Promise.all(
        entries
          .filter((entry) => open.has(entry.delivery))
          .map(async (entry) => call.report(await deliver(entry, call, batch.priority === PRIORITY.staff))),
      );
      return REPORTED;
    },
    close: async () => closing.abort(),
  };

  async function deliver(entry: Entry, { stopping }: Call, forStaff: boolean): Promise<MailResult> {
    const place = stopping.aborted ? null : await gate.enter(new URL(entry.url).host, forStaff);
    if (!place) return { deliverySeq: entry.delivery, kind: 'busy', afterMs: stopping.aborted ? 0 : BUSY_MS };
    const began = performance.now();
    let answer: HookAnswer = { kind: 'failed', reason: 'There was nothing to call.' };
    for (const { id, body } of entry.calls) {
      const { rules, resolve, timeoutMs = TIMEOUT_MS } = options;
      answer = await callHook(
        { url: entry.url, body, headers: headersOf(entry, { id, body }, options.now?.() ?? Date.now()) },
        { rules, resolve, timeoutMs, signal: closing.signal },
      );
      // In order, or not at all: a component's news is not told where the incident's was not taken.
      if (answer.kind === 'failed' || !isTaken(answer.status)) break;
    }
    place.leave(answer.kind === 'answer');
    // Cut off from this side: that is no failure of the receiver's. It may have the call, so it comes again under the same id.
    if (closing.signal.aborted && answer.kind === 'failed')
      return { deliverySeq: entry.delivery, kind: 'busy', afterMs: 0 };
    return { deliverySeq: entry.delivery, ...judge(entry, answer, performance.now() - began) };
  }
}

const REPORTED: Outcome = { kind: 'reported' };

/** @throws UnsendableMail when there is nothing to say */
function entryOf(mail: Mail, siteUrl: string): Entry {
  const { channel, letter, links, choice, deliverySeq } = mail;
  if (channel === 'email' || !letter.notice.payload)
    throw new UnsendableMail('This message has nothing for webhooks and chats.');
  const payload = JSON.parse(letter.notice.payload) as HookPayload;
  const { createdAt: writtenAt } = letter.notice;
  const bodies = hookBodies(
    channel,
    payload,
    { unsubscribe: links.unsubscribe_url, siteUrl, writtenAt },
    choice,
    mail.secret,
  );
  if (!bodies.length) throw new UnsendableMail('This message has nothing for this receiver.');
  const id = `msg_${createHash('sha256').update(mail.messageId).digest('hex').slice(0, 24)}`;
  return {
    delivery: deliverySeq,
    channel,
    url: mail.address,
    secret: mail.secret,
    oldSecret: mail.oldSecret,
    calls: bodies.map(({ nth, body }) => ({ id: nth ? `${id}_${nth}` : id, body })),
  };
}

function headersOf(
  entry: Pick<Entry, 'channel' | 'secret' | 'oldSecret'>,
  { id, body }: { id: string; body: string },
  nowMs: number,
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signed = `${id}.${timestamp}.${body}`;
  const isOldGood = entry.oldSecret !== null && nowMs < Date.parse(entry.oldSecret.until);
  const known = [entry.secret, isOldGood ? entry.oldSecret?.secret : null].filter((one) => one != null);
  const secrets = entry.channel === 'webhook' ? known : [];
  return {
    'content-type': 'application/json',
    'user-agent': 'Foghorn',
    accept: '*/*',
    ...(secrets.length && {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      // Several, where a new secret has taken an old one's place: a receiver may know either.
      'webhook-signature': secrets.map((secret) => `v1,${signature(secret, signed)}`).join(' '),
    }),
  };
}

/** HMAC-SHA256 with the key that stands behind `whsec_`, in base64 (Standard Webhooks, "Symmetric signature"). */
function signature(secret: string, signed: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(signed).digest('base64');
}

type Verdict =
  | { kind: 'accepted'; providerId: string }
  | { kind: 'later'; reason: string; afterMs?: number }
  | { kind: 'refused'; reason: string }
  | { kind: 'gone'; reason: string };

function judge({ channel, secret }: Entry, answer: HookAnswer, tookMs: number): Verdict {
  if (answer.kind === 'failed') return { kind: 'later', reason: answer.reason };
  const { status, words, location, retryAfterMs } = answer;
  if (isTaken(status)) return { kind: 'accepted', providerId: `${words}, after ${Math.round(tookMs)} ms` };
  // What a chat's own server says of a call of ours is worth reading; of others it could be anything that is theirs.
  const text = channel === 'pager' ? pagerText(answer.text, secret) : answer.text;
  const said = channel !== 'webhook' && text ? `: ${text}` : '';
  if (status === 410 || (channel !== 'webhook' && status === 404))
    return {
      kind: 'gone',
      reason: `It answered ${words}${said}${endOf(said)} That says that it is there no more.`,
    };
  if (status >= 300 && status < 400)
    return {
      kind: 'later',
      reason: `It answered ${words}${location ? ` to ${location}` : ''}. Redirects are not followed: subscribe the address that it leads to.`,
    };
  const reason = `It answered ${words}${said}${endOf(said)}`;
  // As it is, it will never be taken: someone has to look at how the place is set up.
  if (channel === 'pager' && status >= 400 && status < 500 && status !== 429 && status !== 408)
    return { kind: 'refused', reason };
  return retryAfterMs !== null && (status === 429 || status === 503)
    ? { kind: 'later', reason, afterMs: retryAfterMs }
    : { kind: 'later', reason };
}

/** What a pager says of an event, read where it is PagerDuty's JSON, and never with the routing key in it. */
function pagerText(text: string, routingKey: string | null): string {
  let said = text;
  try {
    const { message, errors } = JSON.parse(text) as { message?: unknown; errors?: unknown };
    const parts = [message, ...(Array.isArray(errors) ? errors : [])].filter(
      (one) => typeof one === 'string',
    );
    if (parts.length) said = parts.join('. ');
  } catch {
    // It said something else, or more than is read.
  }
  return routingKey ? said.replaceAll(routingKey, '…') : said;
}

function endOf(said: string): string {
  return /[.!?]$/.test(said) ? '' : '.';
}

function isTaken(status: number): boolean {
  return status >= 200 && status < 300;
}
