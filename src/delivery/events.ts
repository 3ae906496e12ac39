import type { Receipt } from '#domain/receipts.ts';
import { maskAddressesIn } from '#domain/text.ts';
import { type Instant, parseInstant } from '#domain/time.ts';

/** A provider's event: what it calls it, when it says it happened (null when it does not), and what that means to us. */
export type ProviderEvent = { type: string; occurredAt: Instant | null; receipt: Receipt };

const NOTHING: Receipt = {
  kind: 'other',
  installation: null,
  deliverySeq: null,
  providerId: null,
  addresses: [],
  permanent: false,
  cause: null,
  reason: null,
};

/** Opened and clicked are no news to us beyond that it arrived. */
const KINDS: Record<string, Receipt['kind']> = {
  'email.sent': 'sent',
  'email.delivery_delayed': 'delayed',
  'email.failed': 'failed',
  'email.suppressed': 'suppressed',
  'email.delivered': 'delivered',
  'email.opened': 'delivered',
  'email.clicked': 'delivered',
  'email.bounced': 'bounced',
  'email.complained': 'complained',
  'suppression.added': 'listed',
  'suppression.removed': 'unlisted',
};

/**
 * Reads the body of a Resend webhook (https://resend.com/docs/webhooks). It never fails: its sender was verified before, and what it
 * does not know is kept as an event that means nothing to us.
 */
export function readResendEvent(body: string): ProviderEvent {
  const event = fieldsOf(parse(body));
  const type = textOf(event.type, 60) ?? 'unreadable';
  const data = fieldsOf(event.data);
  const kind = Object.hasOwn(KINDS, type) ? (KINDS[type] as Receipt['kind']) : 'other';
  // Some events write their zone as Postgres does: +00.
  const occurredAt = parseInstant((textOf(event.created_at, 60) ?? '').replace(/([+-]\d\d)$/, '$1:00'));
  if (kind === 'other') return { type, occurredAt, receipt: NOTHING };
  const tags = tagsOf(data.tags);
  return {
    type,
    occurredAt,
    receipt: {
      kind,
      installation: textOf(tags.installation, 256),
      deliverySeq: /^[1-9]\d{0,14}$/.test(String(tags.delivery_id)) ? Number(tags.delivery_id) : null,
      providerId: textOf(data.email_id, 100),
      addresses: addressesOf(kind === 'listed' || kind === 'unlisted' ? data.email : data.to),
      permanent: textOf(fieldsOf(data.bounce).type, 40)?.toLowerCase() === 'permanent',
      cause: causeOf(kind, data),
      // It is shown to people who may not know addresses.
      reason: maskAddressesIn(reasonOf(kind, data) ?? '') || null,
    },
  };
}

function causeOf(kind: Receipt['kind'], data: Fields): Receipt['cause'] {
  if (kind === 'listed') {
    const origin = textOf(data.origin, 40);
    return origin === 'bounce' || origin === 'complaint' ? origin : 'manual';
  }
  if (kind !== 'suppressed') return null;
  const { reason, type } = fieldsOf(data.suppressed);
  return /complain/i.test(`${textOf(reason, 100)} ${textOf(type, 100)}`) ? 'complaint' : 'bounce';
}

function reasonOf(kind: Receipt['kind'], data: Fields): string | null {
  switch (kind) {
    case 'delayed':
      return 'Delayed: the person’s mail server does not take it yet. The provider goes on trying.';
    case 'failed':
      return `The provider could not send it: ${textOf(fieldsOf(data.failed).reason, 200) ?? 'it does not say why'}.`;
    case 'suppressed': {
      const message = textOf(fieldsOf(data.suppressed).message, 300);
      return `The provider did not send it, because the address is on its suppression list.${message ? ` ${message}` : ''}`;
    }
    case 'bounced': {
      const bounce = fieldsOf(data.bounce);
      const subType = textOf(bounce.subType, 60);
      const what = (subType && BOUNCES[subType]) ?? 'The person’s mail server sent it back.';
      const message = textOf(bounce.message, 300);
      return message ? `${what} ${message}` : what;
    }
    case 'complained':
      return 'Reported as spam.';
    default:
      return null;
  }
}

const BOUNCES: Record<string, string> = {
  NoEmail: 'There is no such mailbox.',
  MailboxFull: 'The mailbox is full.',
  MessageTooLarge: 'The person’s mail server found it too large.',
  ContentRejected: 'The person’s mail server refused what it says.',
  AttachmentRejected: 'The person’s mail server refused an attachment.',
};

type Fields = Record<string, unknown>;

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

/** One line without control characters, at most `max` long; null when there is no text. */
function textOf(value: unknown, max: number): string | null {
  if (typeof value !== 'string') return null;
  return (
    value
      .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
      .trim()
      .slice(0, max) || null
  );
}

/** As the API takes them ([{name, value}]) or as events give them ({name: value}). */
function tagsOf(value: unknown): Fields {
  if (!Array.isArray(value)) return fieldsOf(value);
  return Object.fromEntries(value.map(fieldsOf).map((tag) => [String(tag.name), tag.value]));
}

function addressesOf(value: unknown): string[] {
  return [value]
    .flat()
    .slice(0, 50)
    .flatMap((each) => textOf(each, 320)?.toLowerCase() ?? []);
}
