import type { DeliveryState } from './deliveries.ts';
import type { PlaceChannel } from './hooks.ts';
import { type AnyStatus, type IncidentKind, STATUS_LABELS } from './status.ts';
import { type Instant, whenText } from './time.ts';

/** One message to one person: what it said, and what became of it. */
export type Told = {
  /** The delivery's number. */
  seq: number;
  kind:
    | 'update'
    | 'maintenance'
    | 'confirm'
    | 'already'
    | 'manage'
    | 'leave'
    | 'unsubscribed'
    | 'quarantined'
    | 'test'
    | 'call'
    | 'stakeholder'
    | 'digest'
    | 'drill'
    | 'spared';
  subject: string;
  /** null for mails about the subscription itself. `isPublic`: what it said could be read on the page, so it may be quoted outside. */
  incident: { id: string; kind: IncidentKind; title: string; isPublic: boolean } | null;
  said: { status: AnyStatus; postedAt: Instant } | null;
  /** The text was not the one that most people got: what they missed came with it, or it mended a wrong one. */
  variant: { what: 'missed'; since: Instant } | { what: 'correction' } | null;
  state: DeliveryState;
  reason: string | null;
  lane: 'mail' | 'hook';
  /** The webhook or chat that was called; null of mail. */
  hook: { channel: PlaceChannel; url: string } | null;
  /** Whether the way that it took tells later what became of it. */
  givesReceipts: boolean;
  queuedAt: Instant;
  notBefore: Instant;
  /** Nothing of this message leaves until someone lets it go on. */
  stopped: { at: Instant; by: string } | null;
  /** When whoever carries it said yes; null while that is not known. */
  handedOverAt: Instant | null;
  /** When the person's own mail server took it. */
  arrivedAt: Instant | null;
  changedAt: Instant;
};

export type Fate = {
  /** For its shape and colour; the words say the same. */
  look: 'arrived' | 'sent' | 'waiting' | 'failed' | 'unsure' | 'left_out';
  words: string;
};

/** What became of a message, for people inside. */
export function fateOf(told: Told, { zone, now }: { zone: string; now: Instant }): Fate {
  const at = (instant: Instant | null) => whenText(instant ?? told.changedAt, zone, now);
  const why = told.reason ? ` ${told.reason}` : '';
  switch (told.state) {
    case 'queued':
      if (told.stopped)
        return {
          look: 'waiting',
          words: `Not sent: ${told.stopped.by} stopped this message at ${at(told.stopped.at)}.`,
        };
      return told.notBefore > now
        ? { look: 'waiting', words: `Waits until ${at(told.notBefore)}.${why}` }
        : { look: 'waiting', words: `Waits for its turn.${why}` };
    case 'in_batch':
      return { look: 'waiting', words: `Is being handed over; there is no answer yet.${why}` };
    case 'accepted':
      if (told.lane === 'hook')
        return { look: 'arrived', words: `Their server took it at ${at(told.handedOverAt)}.` };
      return {
        look: 'sent',
        words: `Handed over at ${at(told.handedOverAt)}.${why || (told.givesReceipts ? ' No receipt yet.' : ' Mail that leaves this way gives no receipts.')}`,
      };
    case 'delivered':
      return { look: 'arrived', words: `Arrived at their mail server at ${at(told.arrivedAt)}.` };
    case 'complained':
      return { look: 'failed', words: `Arrived, and was reported as spam at ${at(null)}.${why}` };
    case 'bounced':
      return { look: 'failed', words: `Sent back by their mail server at ${at(null)}.${why}` };
    case 'refused':
      return { look: 'failed', words: `Never left: it was refused at ${at(null)}.${why}` };
    case 'uncertain':
      return { look: 'unsure', words: `May or may not have arrived.${why}` };
    case 'suppressed':
      return { look: 'left_out', words: `Not sent.${why || ' The address must not be mailed.'}` };
    case 'superseded':
      return {
        look: 'left_out',
        words: `Not sent.${why || ' Newer news of the same incident took its place.'}`,
      };
  }
}

/** "Checkout is failing (Identified)", or what else the message was. */
export function aboutText(told: Told): string {
  if (told.incident && told.said) return `${told.incident.title} (${STATUS_LABELS[told.said.status]})`;
  return (
    {
      confirm: 'The mail that asks to confirm the subscription',
      already: 'Word that the address is subscribed already',
      manage: 'A fresh link to change what the address gets',
      leave: 'The question whether a shared address should be unsubscribed',
      unsubscribed: 'Word that the address is unsubscribed',
      quarantined: 'Word that a webhook or chat stopped working',
      test: 'A trial message',
      call: 'A call to staff',
      digest: 'The digest of a day',
      update: told.subject,
      maintenance: told.subject,
      stakeholder: told.subject,
      drill: told.subject,
      spared: told.subject,
    } as const
  )[told.kind];
}

/** What someone may look for: one address (of mail, or of a webhook), everyone of a domain, or a person inside by name. */
export type Sought =
  | { by: 'address'; address: string }
  | { by: 'domain'; domain: string }
  | { by: 'name'; name: string };

/** Every word that was typed begins a word of the name, whatever the case and the accents: "ada l" finds "Lovelace, Ada". */
export function isNamed(name: string, typed: string): boolean {
  const words = wordsOf(name);
  const wanted = wordsOf(typed);
  return wanted.length > 0 && wanted.every((start) => words.some((word) => word.startsWith(start)));
}

function wordsOf(text: string): string[] {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
}
