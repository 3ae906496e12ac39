import { createHash, timingSafeEqual } from 'node:crypto';
import { addMs, DAY, type Instant, toInstant } from '#domain/time.ts';

/** Signs (purpose, value) so that only this installation can: `ctx.sign`. 32 characters of base64url. */
export type Sign = (purpose: string, value: string) => string;

/** The personal addresses that a mail's slots are filled with; the names are the slots' names. */
export type Links = {
  unsubscribe_url: string;
  manage_url: string;
  confirm_url: string;
  leave_url: string;
  hook_url: string;
};

/** `manage` stands without a date in mails from before such links ended after a day. */
export type LinkPurpose = 'unsubscribe' | 'manage';

/** A confirmation link works this long after it was issued. */
export const CONFIRM_LIFETIME = 7 * DAY;

/** Preferences change by a link that was mailed so lately: a mail that was forwarded, or found years later, changes nothing. */
export const MANAGE_LIFETIME = DAY;

const ID = 12;
const SIGNATURE = 32;
/** Seconds since 1970 in base 36, so that a confirm token has a fixed length too. */
const ISSUED = 7;

/**
 * One person's links. They are made from the id (and most from when the mail was written), never from chance, so a mail that is built
 * twice has the same bytes.
 * @param issuedAt when the notice was made (`notices.created_at`): from then on the days of links that end are counted
 */
export function recipientLinks(siteUrl: string, sign: Sign, recipientId: string, issuedAt: Instant): Links {
  return {
    unsubscribe_url: `${siteUrl}/unsubscribe/${linkToken(sign, 'unsubscribe', recipientId)}`,
    manage_url: `${siteUrl}/subscription/${datedToken(sign, 'manage', recipientId, issuedAt)}`,
    // Few mails hold one of these, so each is made only for those.
    get confirm_url() {
      return `${siteUrl}/confirm/${datedToken(sign, 'confirm', recipientId, issuedAt)}`;
    },
    get leave_url() {
      return `${siteUrl}/unsubscribe/${datedToken(sign, 'leave', recipientId, issuedAt)}`;
    },
    get hook_url() {
      return `${siteUrl}/webhook/${datedToken(sign, 'hook', recipientId, issuedAt)}`;
    },
  };
}

/**
 * The recipient's id (12 characters) signed for this one purpose (32). The signature goes first: it may end in a dash, which a mail
 * program that finds addresses in plain text could leave out at an address's end.
 */
export function linkToken(sign: Sign, purpose: LinkPurpose, recipientId: string): string {
  return sign(purpose, recipientId) + recipientId;
}

/** Whose token it is; null unless it was signed here, for this purpose. */
export function readLinkToken(sign: Sign, purpose: LinkPurpose, token: string): string | null {
  if (token.length !== ID + SIGNATURE) return null;
  const id = token.slice(SIGNATURE);
  return same(token.slice(0, SIGNATURE), sign(purpose, id)) ? id : null;
}

/**
 * To confirm; to change what one gets; to say yes to the unsubscribing of an address that many read; or to look after a webhook or
 * chat, of which it confirms the owner as well.
 */
type DatedPurpose = 'confirm' | 'manage' | 'leave' | 'hook';

function datedToken(sign: Sign, purpose: DatedPurpose, recipientId: string, issuedAt: Instant): string {
  const signed =
    recipientId +
    Math.floor(Date.parse(issuedAt) / 1000)
      .toString(36)
      .padStart(ISSUED, '0');
  return sign(purpose, signed) + signed;
}

/** Whose token it is, when it was issued (to the second) and until when it works; null unless it was signed here to confirm. */
export function readConfirmToken(
  sign: Sign,
  token: string,
  purpose: DatedPurpose = 'confirm',
): { recipientId: string; issuedAt: Instant; expiresAt: Instant } | null {
  if (token.length !== ID + ISSUED + SIGNATURE) return null;
  const signed = token.slice(SIGNATURE);
  if (!same(token.slice(0, SIGNATURE), sign(purpose, signed))) return null;
  const issuedAt = toInstant(Number.parseInt(signed.slice(ID), 36) * 1000);
  return { recipientId: signed.slice(0, ID), issuedAt, expiresAt: addMs(issuedAt, CONFIRM_LIFETIME) };
}

/** Whose preferences the link is for, and since when (null for a link from before they were dated); null unless it was signed here. */
export function readManageToken(
  sign: Sign,
  token: string,
): { recipientId: string; issuedAt: Instant | null } | null {
  const dated = readConfirmToken(sign, token, 'manage');
  if (dated) return { recipientId: dated.recipientId, issuedAt: dated.issuedAt };
  const recipientId = readLinkToken(sign, 'manage', token);
  return recipientId === null ? null : { recipientId, issuedAt: null };
}

/**
 * The headers that name one person (RFC 2369 and RFC 8058): a mail that can be unsubscribed from carries both. Mail programs POST
 * `List-Unsubscribe=One-Click` to the address, without cookies.
 */
export function personalHeaders(links: Pick<Links, 'unsubscribe_url'>): Record<string, string> {
  return {
    'List-Unsubscribe': `<${links.unsubscribe_url}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  };
}

/** Compares without telling by its time how much was right. */
function same(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
