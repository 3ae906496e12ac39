import type { Readable } from 'node:stream';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import type { Sender } from '../mail.ts';
import type { Rate } from '../pace.ts';
import type { Call, FrozenBatch, MailResult, Outcome, Transport } from '../transport.ts';
import { composeMessage } from './mime.ts';

/**
 * Connections, when the configuration names no other number, and so mails in flight: what a crash may repeat, because SMTP has no
 * idempotency key (RFC 1047).
 */
const CONNECTIONS = 2;
/** Small batches, so that an urgent mail waits for few others. */
const BATCH = 10;
const TIMEOUTS = { connectionTimeout: 15_000, greetingTimeout: 15_000, socketTimeout: 60_000 };

type Entry = { delivery: number; from: string; to: string; raw: string };

/** Mail over SMTP sessions that stay open. Each mail is settled by the server's answer to it, before the next one begins. */
export function smtpTransport(options: {
  url: string;
  sender: Sender;
  connections?: number;
  /** Mails per second, from all processes together. */
  rate?: number | null;
  timeouts?: Partial<typeof TIMEOUTS>;
}): Transport {
  const connections = options.connections ?? CONNECTIONS;
  const pool = createTransport({
    url: options.url,
    pool: true,
    maxConnections: connections,
    // Whether a mail may go again is decided here, not by the pool.
    maxRequeues: 0,
    ...TIMEOUTS,
    ...options.timeouts,
  });
  // What a failed mail means depends on whether any of it had reached the server: its stream has been read then.
  pool.use('stream', (mail, done) => {
    const { handover } = mail.data as Watched;
    const open = mail.message.createReadStream.bind(mail.message);
    mail.message.createReadStream = (streamOptions) => {
      const stream = open(streamOptions);
      handover.stream = stream;
      return stream;
    };
    done();
  });

  const putOff = new Set<string>();
  return {
    name: 'smtp',
    lane: 'mail',
    // The pace is one of calls: where one is set, each mail is a call.
    batchSize: options.rate ? 1 : BATCH,
    concurrency: connections,
    ...(options.rate && { rate: rateOf(options.rate) }),
    async build(mails, frozenAt) {
      const entries: Entry[] = [];
      for (const mail of mails)
        entries.push({
          delivery: mail.deliverySeq,
          from: options.sender.from.address,
          to: mail.address,
          raw: await composeMessage(mail, options.sender, frozenAt),
        });
      return Buffer.from(JSON.stringify(entries));
    },
    send: (batch, call) => sendEach(batch, call, { send: (entry) => sendOne(pool, entry), putOff }),
    // What is still being sent has been given up by now.
    close: async () => pool.close({ force: true }),
  };
}

const STOPPED: Outcome = { kind: 'retry', afterMs: 0, reason: 'Foghorn was stopped.', unreachable: false };

/** Whole mails in a window, so that also less than one a second can be said. */
function rateOf(perSecond: number): Rate {
  const limit = Math.max(1, Math.floor(perSecond));
  return { limit, windowMs: Math.ceil((limit * 1_000) / perSecond) };
}

/** So many people put off in a row, and none taken in between: then it is not about them. */
const PUT_OFF = 3;
/** How long a server rests that took some mails and then asked for a pause. */
const PAUSE_MS = 30_000;

/** @param putOff who was put off since a mail was taken, whatever batch they were in */
async function sendEach(
  batch: FrozenBatch,
  call: Call,
  { send, putOff }: { send: (entry: Entry) => Promise<MailResult | Outcome>; putOff: Set<string> },
): Promise<Outcome> {
  const open = new Set(batch.members.filter((member) => member.open).map((member) => member.seq));
  let unanswered = false;
  let taken = false;
  for (const entry of JSON.parse(batch.body.toString()) as Entry[]) {
    if (!open.has(entry.delivery)) continue;
    if (call.stopping.aborted) return unanswered ? { kind: 'reported' } : STOPPED;
    const result = await send(entry);
    // Not about this mail alone: the rest of the batch waits with it.
    if (!('deliverySeq' in result)) return stopAt(result);
    unanswered ||= result.kind === 'unanswered';
    taken ||= result.kind === 'accepted';
    if (result.kind === 'accepted') putOff.clear();
    else if (result.kind === 'later' && !isTheirs(result.reason)) putOff.add(entry.to);
    if (!(await call.report(result))) return { kind: 'reported' };
    // One mail's try a call is spent on finding out whether it still is so: else one that is put off for itself would hold up all.
    if (result.kind === 'later' && putOff.size >= PUT_OFF)
      return stopAt({ kind: 'retry', afterMs: null, reason: result.reason, unreachable: true });
  }
  return { kind: 'reported' };

  function stopAt(outcome: Outcome): Outcome {
    // Should one before it be without an answer, the batch's past is no longer certain.
    if (unanswered && 'reason' in outcome)
      return { kind: 'unknown', afterMs: null, reason: outcome.reason, unreachable: true };
    return taken && outcome.kind === 'retry'
      ? { ...outcome, afterMs: PAUSE_MS, unreachable: false }
      : outcome;
  }
}

/** RFC 3463: X.1 is about the recipient's address (but for the sender's, X.1.7 and X.1.8) and X.2 about the mailbox. */
function isTheirs(reason: string): boolean {
  return /\b4\.(1\.(?![78]\b)|2\.)\d+\b|gr[ea]y-?list/i.test(reason);
}

type Watched = { handover: { stream: Readable | null } };
type Pool = Transporter<{ response: string }>;

async function sendOne(pool: Pool, entry: Entry): Promise<MailResult | Outcome> {
  const watched: Watched = { handover: { stream: null } };
  try {
    const info = await pool.sendMail({
      ...watched,
      envelope: { from: entry.from, to: [entry.to] },
      raw: Buffer.from(entry.raw, 'latin1'),
    } as SendMailOptions);
    return { deliverySeq: entry.delivery, kind: 'accepted', providerId: clip(info.response) };
  } catch (error) {
    return readFailure(error as SmtpError, entry.delivery, watched.handover.stream?.readableDidRead === true);
  }
}

type SmtpError = Error & { code?: string; command?: string; responseCode?: number; response?: string };

/** Decided by the server's answer where there is one; without one, by whether it had begun to get the message. */
function readFailure(error: SmtpError, deliverySeq: number, handedOver: boolean): MailResult | Outcome {
  const { responseCode: code, command } = error;
  const reason = clip(error.response ? `The mail server said: ${error.response}` : `SMTP: ${error.message}`);
  if (error.code === 'EAUTH' || code === 530 || code === 535)
    return code !== undefined && code < 500
      ? { kind: 'retry', afterMs: null, reason, unreachable: true }
      : { kind: 'configuration', reason, fix: 'Check the user and password in SMTP_URL, then resume.' };
  if (code !== undefined && code >= 500 && command === 'MAIL FROM')
    return {
      kind: 'configuration',
      reason,
      fix: 'Set MAIL_FROM to a sender that the mail server accepts, then resume.',
    };
  if (code !== undefined && code < 500 && isForEveryone(code, command, reason))
    return { kind: 'retry', afterMs: null, reason, unreachable: true };
  if (error.code === 'EENVELOPE' || error.code === 'EMESSAGE')
    return code === undefined || (code >= 500 && code !== 503)
      ? { deliverySeq, kind: isNoMailbox(error) ? 'bounced' : 'refused', reason }
      : { deliverySeq, kind: 'later', reason };
  if (handedOver)
    return code === undefined
      ? { deliverySeq, kind: 'unanswered', reason }
      : { deliverySeq, kind: 'later', reason };
  return { kind: 'retry', afterMs: null, reason, unreachable: true };
}

/**
 * RFC 3463 and its registry: no such mailbox (5.1.1), no such host (5.1.2), no address (5.1.3), moved away (5.1.6), a host that takes no mail
 * (5.1.10, RFC 7505). Nothing less ends an address for good: a bare 550 may be a policy, a full mailbox or a filter as well, and 5.7.x says
 * what the server thinks of this sender or this mail. Mended, both would be taken.
 */
function isNoMailbox({ response = '' }: SmtpError): boolean {
  return /^5\d\d[ -]5\.1\.(?:1|2|3|6|10)(?!\d)/.test(response);
}

/** 421 ends the session and 454 the service (RFC 5321, RFC 4954); what is said to the sender, or of their quota, holds for every mail. */
function isForEveryone(code: number, command: string | undefined, reason: string): boolean {
  if (code === 421 || code === 454 || command === 'MAIL FROM') return true;
  return (
    !isTheirs(reason) &&
    /\b(daily|hourly|sending|rate|message) (quota|limit)|too many (mails|messages|emails|connections)|throttl/i.test(
      reason,
    )
  );
}

/** Servers may say much; what is kept is one short line. */
function clip(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an answer may hold anything
  const line = text.replace(/[\x00-\x1f\x7f]+/g, ' ');
  return line.trim().slice(0, 300);
}
