import type { SuppressionReason } from './deliveries.ts';
import type { Told } from './heard.ts';
import { STATUS_LABELS } from './status.ts';
import { dateText, dateTimeText, type Instant } from './time.ts';

/** What is so of an address, as far as a reply to its owner may say it. */
export type HeardFacts = {
  address: string;
  page: { name: string; url: string; zone: string };
  /** As a subscriber; null when nobody ever asked for this address. */
  subscription: {
    state: 'pending' | 'confirmed' | 'unsubscribed';
    /** Since when it is so; null when that is not on record. */
    since: Instant | null;
    /** "the whole page", "Shop and Checkout". */
    follows: string;
  } | null;
  /** Webhooks and chats that are this address or that its owner looks after. */
  hooks: readonly {
    label: string;
    shown: string;
    state: 'pending' | 'confirmed' | 'unsubscribed';
    since: Instant | null;
    follows: string;
    /** Since when it is not called, because it failed too often; null while it is. */
    restsSince: Instant | null;
  }[];
  /** The address is told as a member of an audience, whatever its subscription. */
  isMember: boolean;
  suppression: { reason: SuppressionReason; since: Instant } | null;
  /** The newest news that left for this address, or should have: null when there was none. */
  last: Told | null;
  /** The newest of which it is certain that it was handed over, when that is not `last`. */
  lastHandedOver: Told | null;
  /** Public incidents and maintenances that are open and that concern this address; of an unknown one, all. */
  open: readonly {
    title: string;
    status: keyof typeof STATUS_LABELS;
    url: string;
    nextUpdateDue: Instant | null;
  }[];
};

/**
 * A reply that support can paste: plain text, to the owner of the address. It says what is on record and no more; reasons that were
 * written for people inside stay inside, and so does what only people inside were told.
 */
export function heardReply(facts: HeardFacts): string {
  return [
    'Hello,',
    `This is what our records say of the status messages to ${facts.address}.`,
    [standingText(facts), suppressionText(facts)].filter(Boolean).join(' '),
    hooksText(facts),
    toldText(facts),
    openText(facts),
    `All we publish is at ${facts.page.url}`,
  ]
    .filter(Boolean)
    .join('\n\n');
}

function standingText({ subscription, hooks, isMember, page }: HeardFacts): string {
  const since = (instant: Instant | null) => (instant ? ` since ${dateText(instant, page.zone)}` : '');
  const on = (instant: Instant | null) => (instant ? ` on ${dateText(instant, page.zone)}` : '');
  const again = `You can subscribe at ${page.url}/subscribe`;
  if (!subscription && isMember) return 'The address is on one of our lists of people who are told directly.';
  if (!subscription && hooks.length) return '';
  if (!subscription) return `The address is not subscribed, so we have sent it nothing. ${again}`;
  switch (subscription.state) {
    case 'confirmed':
      return `The address has been subscribed${since(subscription.since)} and follows ${subscription.follows}.`;
    case 'pending':
      return `The address was entered${on(subscription.since)}, but the subscription was not confirmed, and until it is we send no news. The mail that asks for it may be in the spam folder. To get a new one, enter the address again at ${page.url}/subscribe`;
    case 'unsubscribed':
      return `The address was unsubscribed${on(subscription.since)}, and we have sent it no news since. ${again}`;
  }
}

function hooksText({ hooks, page }: HeardFacts): string {
  const day = (instant: Instant) => dateText(instant, page.zone);
  return hooks
    .map(({ label, shown, state, since, follows, restsSince }) => {
      if (restsSince)
        return `${label} ${shown} is not called since ${day(restsSince)}, because our calls failed too often.`;
      if (state === 'confirmed')
        return `${label} ${shown} is called${since ? ` since ${day(since)}` : ''} and follows ${follows}.`;
      return state === 'pending'
        ? `${label} ${shown} was entered, but not confirmed, and until it is we do not call it.`
        : `${label} ${shown} is not called any more.`;
    })
    .join('\n');
}

const SUPPRESSED: Record<SuppressionReason, string> = {
  bounce: 'the mail server sent our mail back as undeliverable',
  soft_bounces: 'the mail server turned our mail away several times',
  complaint: 'our mail was reported as spam from this mailbox',
  manual: 'it is on our list of addresses not to mail',
};

function suppressionText({ suppression, page }: HeardFacts): string {
  if (!suppression) return '';
  const day = dateText(suppression.since, page.zone);
  return `Since ${day} we send nothing to it, because ${SUPPRESSED[suppression.reason]}. Tell us if that should change.`;
}

function toldText(facts: HeardFacts): string {
  const { last, lastHandedOver, subscription, hooks, isMember } = facts;
  if (!last) {
    const isTold = [subscription, ...hooks].some((one) => one?.state === 'confirmed');
    if (isTold || isMember) return 'So far we have sent it no news: there has been none that it is told of.';
    return '';
  }
  const before = lastHandedOver && lastHandedOver.seq !== last.seq ? lastHandedOver : null;
  return [
    lastText(facts, last),
    before && `The last one before it that left us was ${nameOf(before, facts)}. ${wayText(facts, before)}`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** The newest message and how far it came. */
function lastText(facts: HeardFacts, told: Told): string {
  const name = nameOf(told, facts);
  switch (told.state) {
    case 'queued':
      return told.stopped
        ? `Our newest message, ${name}, has not been sent to you yet: we are holding it back for now.`
        : `Our newest message, ${name}, is waiting to be sent to you.`;
    case 'in_batch':
      return `Our newest message, ${name}, is on its way out to you right now.`;
    case 'refused':
      return `Our newest message, ${name}, did not leave us because of a fault in sending. You did not get it.`;
    case 'suppressed':
      return `Our newest message, ${name}, was not sent to you.`;
    case 'uncertain':
      return `We do not know whether our newest message, ${name}, reached you: nobody told us what became of it, and we did not send it twice.`;
    default:
      return `Our newest message was ${name}. ${wayText(facts, told)}`;
  }
}

/** What became of a message that left us. */
function wayText({ page }: HeardFacts, told: Told): string {
  const at = (instant: Instant | null) => dateTimeText(instant ?? told.changedAt, page.zone);
  const look = 'If you cannot find it, please look in the spam folder.';
  switch (told.state) {
    case 'delivered':
      return `Your mail server took it at ${at(told.arrivedAt)}. ${look}`;
    case 'complained':
      return 'It reached your mailbox and was reported as spam there.';
    case 'bounced':
      return 'Your mail server did not take it and sent it back.';
    default:
      if (told.lane === 'hook') return `Your server took it at ${at(told.handedOverAt)}.`;
      return `It left us at ${at(told.handedOverAt)}; we have no receipt from your mail server. ${look}`;
  }
}

/** "the update on “Checkout is failing” (Identified) of 21 Nov 2026, 15:12 UTC". What only people inside may read is not named. */
function nameOf(told: Told, { page }: HeardFacts): string {
  const at = dateTimeText(told.said?.postedAt ?? told.queuedAt, page.zone);
  if (told.kind === 'digest') return `the digest of ${at}`;
  if (!told.incident?.isPublic || !told.said) return `the one of ${at}`;
  const correction = told.variant?.what === 'correction' ? 'correction' : 'update';
  return `the ${correction} on “${told.incident.title}” (${STATUS_LABELS[told.said.status]}) of ${at}`;
}

function openText({ open, page }: HeardFacts): string {
  return open
    .map(({ title, status, url, nextUpdateDue }) => {
      const due = nextUpdateDue ? ` The next update comes by ${dateTimeText(nextUpdateDue, page.zone)}.` : '';
      return `Open now: “${title}” (${STATUS_LABELS[status]}).${due} ${url}`;
    })
    .join('\n');
}
