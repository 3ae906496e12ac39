import { hash } from 'node:crypto';
import type { Notice, NoticeKind } from '#db/notices.ts';
import type { Recipient } from '#db/recipients.ts';
import { type Choice, EVERYTHING } from '#domain/choice.ts';
import type { Instant } from '#domain/time.ts';
import { type Links, personalHeaders, recipientLinks, type Sign } from '#emails/links.ts';
import { type Personal, personalise, splitSlots } from '#emails/slots.ts';
import { closest } from '#i18n/locales.ts';

/** A notice made ready to be written to thousands: its text is cut at the personal slots once. */
export type Letter = {
  notice: Notice;
  /** What its links begin with after the host: the language, where that is not the page's first. */
  prefix: string;
  html: ReturnType<typeof splitSlots>;
  text: ReturnType<typeof splitSlots>;
};

/** One mail to one person, complete but for its encoding. Made from what is stored alone, so building it again gives the same. */
export type Mail = {
  deliverySeq: number;
  letter: Letter;
  /** A mailbox; of a webhook or chat the URL to call. */
  address: string;
  channel: Recipient['channel'];
  /** What a webhook's calls are signed with. */
  secret: string | null;
  /** The one before it, which signs beside it until then. */
  oldSecret: { secret: string; until: Instant } | null;
  /** What a webhook wants to hear of; of all others everything. */
  choice: Choice;
  links: Links;
  zone: Personal['zone'];
  headers: Record<string, string>;
  /** Where answers go, when the message names someone; else where the installation's do. */
  replyTo: Mailbox | null;
  messageId: string;
};

export type Mailbox = { name: string; address: string };

/** What all mails of this installation share. */
export type Sender = { from: Mailbox; replyTo: Mailbox | null; siteUrl: string };

/** Kinds that a person asked to go on getting: only these can be unsubscribed from. */
const RECURRING: readonly NoticeKind[] = ['update', 'maintenance', 'digest', 'spared'];

/** And those of a drill, which nobody asked for, but which stand in one thread as the others do. */
const THREADED: readonly NoticeKind[] = [...RECURRING, 'drill'];

/** @throws when the notice's slots are broken */
export function openLetter(notice: Notice, prefix = ''): Letter {
  return { notice, prefix, html: splitSlots(notice.html), text: splitSlots(notice.text) };
}

const translated = new WeakMap<Letter, Map<string, Letter>>();

/**
 * The letter in the language that someone asked for, where it was written in that; the same one for all who asked for it, so that
 * what is done once a letter is done once a language.
 * @throws when the slots of that text are broken
 */
export function letterIn(letter: Letter, asked: string): Letter {
  const { translations } = letter.notice;
  const locale = translations.size ? closest(translations.keys(), asked) : undefined;
  if (locale === undefined) return letter;
  const known = translated.get(letter) ?? new Map<string, Letter>();
  translated.set(letter, known);
  const own =
    known.get(locale) ?? openLetter({ ...letter.notice, ...translations.get(locale) }, `/${locale}`);
  known.set(locale, own);
  return own;
}

/**
 * Addresses the letter to one person.
 * @throws UnsendableMail when something in it could not stand in a header or has no link to fill its slot
 */
export function addressLetter(
  letter: Letter,
  to: { deliverySeq: number; recipientId: string } & Pick<
    Mail,
    'address' | 'channel' | 'secret' | 'oldSecret'
  > & { choice?: Choice; zone?: Personal['zone'] },
  { siteUrl, sign }: { siteUrl: string; sign: Sign },
): Mail {
  const { notice } = letter;
  const links = recipientLinks(siteUrl + letter.prefix, sign, to.recipientId, notice.createdAt);
  const messageId = `<d${to.deliverySeq}.${shortHash(`${notice.id}\n${to.recipientId}`)}@${new URL(siteUrl).hostname}>`;
  const { 'Reply-To': answers, ...own } = notice.headers;
  const headers: Record<string, string> = {
    'Auto-Submitted': 'auto-generated',
    ...own,
    // Gmail would gather mails of the same subject in one thread; that header keeps single mails apart.
    ...(RECURRING.includes(notice.kind) && personalHeaders(links)),
    ...(!THREADED.includes(notice.kind) && { 'X-Entity-Ref-ID': messageId.slice(1, -1) }),
  };
  refuseControls('address', to.address);
  refuseControls('subject', notice.subject);
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name))
      throw new UnsendableMail('A header of the message has a name that is not allowed.');
    refuseControls(`header ${name}`, value);
  }
  const { deliverySeq, address, channel, secret, oldSecret, choice = EVERYTHING, zone = null } = to;
  const replyTo = answers === undefined ? null : parseMailbox(answers);
  return {
    ...{ deliverySeq, letter, address, channel, secret, oldSecret, choice },
    ...{ links, zone, headers, replyTo, messageId },
  };
}

/** The mail's two bodies with what is personal in place. */
export function bodiesOf(mail: Mail): { html: string; text: string } {
  return personalise(mail.letter.notice, mail.links, mail.zone);
}

/** A message that must not leave as it is; `message` says why, in words that an operator may read. */
export class UnsendableMail extends Error {
  override name = 'UnsendableMail';
}

/** Reads `Name <address>` or a bare address. @throws UnsendableMail when it is neither */
export function parseMailbox(text: string): Mailbox {
  refuseControls('sender', text);
  const match = /^\s*(?:"?(.*?)"?\s*<([^<>\s]+@[^<>\s]+)>|([^<>\s]+@[^<>\s]+))\s*$/.exec(text);
  if (!match) throw new UnsendableMail('The sender is not written as Name <address>.');
  return { name: match[1] ?? '', address: (match[2] ?? match[3]) as string };
}

/** As a header writes it; a name with more than plain words is quoted (RFC 5322). */
export function mailboxText({ name, address }: Mailbox): string {
  if (!name) return address;
  const plain = /^[\p{L}\p{N} _-]+$/u.test(name);
  return `${plain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`} <${address}>`;
}

function refuseControls(what: string, value: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\x00-\x1f\x7f]/.test(value))
    throw new UnsendableMail(`The ${what} holds a line break or another control character.`);
}

function shortHash(value: string): string {
  return hash('sha256', value, 'hex').slice(0, 16);
}

/** When the mail says it was written: fixed, so that its bytes are. */
export function dateOf(frozenAt: Instant): Date {
  return new Date(Math.floor(Date.parse(frozenAt) / 1000) * 1000);
}
