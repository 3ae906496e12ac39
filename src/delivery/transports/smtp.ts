import type { Readable } from 'node:stream';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import type { Sender } from '../mail.ts';
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

  return {
    name: 'smtp',
    lane: 'mail',
    batchSize: BATCH,
    concurrency: connections,
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
    send: (batch, call) => sendEach(batch, call, (entry) => sendOne(pool, entry)),
    // What is still being sent has been given up by now.
    close: async () => pool.close({ force: true }),
  };
}

const STOPPED: Outcome = { kind: 'retry', afterMs: 0, reason: 'Foghorn was stopped.', unreachable: false };

async function sendEach(
  batch: FrozenBatch,
  call: Call,
  send: (entry: Entry) => Promise<MailResult | Outcome>,
): Promise<Outcome> {
  const open = new Set(batch.members.filter((member) => member.open).map((member) => member.seq));
  let unanswered = false;
  for (const entry of JSON.parse(batch.body.toString()) as Entry[]) {
    if (!open.has(entry.delivery)) continue;
    if (call.stopping.aborted) return unanswered ? { kind: 'reported' } : STOPPED;
    const result = await send(entry);
    // Not about this mail alone: the rest of the batch waits with it. Should one before it be without an answer, the batch's past is
    // no longer certain.
    if (!('deliverySeq' in result))
      return unanswered && 'reason' in result
        ? { kind: 'unknown', afterMs: null, reason: result.reason, unreachable: true }
        : result;
    unanswered ||= result.kind === 'unanswered';
    if (!(await call.report(result))) return { kind: 'reported' };
  }
  return { kind: 'reported' };
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
  if (error.code === 'EENVELOPE' || error.code === 'EMESSAGE')
    return code === undefined || (code >= 500 && code !== 503)
      ? { deliverySeq, kind: 'refused', reason }
      : { deliverySeq, kind: 'later', reason };
  if (handedOver)
    return code === undefined
      ? { deliverySeq, kind: 'unanswered', reason }
      : { deliverySeq, kind: 'later', reason };
  return { kind: 'retry', afterMs: null, reason, unreachable: true };
}

/** Servers may say much; what is kept is one short line. */
function clip(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an answer may hold anything
  const line = text.replace(/[\x00-\x1f\x7f]+/g, ' ');
  return line.trim().slice(0, 300);
}
