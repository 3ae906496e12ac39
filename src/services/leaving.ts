import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { findRecipient, markBack, markUnsubscribed, type Recipient } from '#db/recipients.ts';
import { withdrawMails } from '#db/subscriptionMails.ts';
import { AppError } from '#domain/errors.ts';
import { maskHookUrl } from '#domain/hooks.ts';
import { readsDigests } from '#domain/subscriberPace.ts';
import { maskAddress } from '#domain/text.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';
import { readConfirmToken, readLinkToken } from '#emails/links.ts';
import { renderUnsubscribedMail } from '#emails/render.ts';
import { renderLeaveMail } from '#emails/subscription.ts';
import { tellMissed } from './comingBack.ts';
import { tellEnded } from './hookMail.ts';
import { notToldSince } from './pacing.ts';
import { mailSite, queueOwnMail } from './subscriptionMail.ts';
import { audit, brokenLink, personToChange } from './subscriptions.ts';

/** For so long an unsubscribing can be taken back by its link: one that was forwarded once must not bring anyone back years later. */
export const UNDO_MS = 7 * DAY;

/** `left`: no more mail comes. `asked`: many read the address, so a mail to it asks whether to stop for everyone. */
export type Leaving = 'left' | 'asked';

/** Ends a subscription from its manage link, as `unsubscribe` does from its own. @throws AppError not_found, gone, conflict */
export async function unsubscribeFromManage(ctx: Ctx, token: string): Promise<Leaving> {
  return leave(ctx, async (tx) => ({
    person: await personToChange(ctx, tx, token),
    byList: false,
  }));
}

export type UnsubscribeView = {
  masked: string;
  /** Of a webhook or chat it is calls that stop, not mail. */
  isCalled: boolean;
  state: Recipient['state'];
  /** Many people read the address, and this link is from a mail to one and all: a press asks all of them. */
  asksAll: boolean;
  /** This link is from the mail that asked all of them. */
  byList: boolean;
  canUndo: boolean;
};

/** What an unsubscribe link would do; changes nothing. @throws AppError not_found, gone */
export async function viewUnsubscribe(ctx: Ctx, token: string): Promise<UnsubscribeView> {
  const { person, byList } = await ctx.db.read((tx) => personToLeave(ctx, tx, token));
  return {
    masked: person.channel === 'email' ? maskAddress(person.address) : maskHookUrl(person.address),
    isCalled: person.channel !== 'email',
    state: person.state,
    asksAll: !byList && isList(person),
    byList,
    canUndo: canUndo(person, ctx.now()),
  };
}

/** RFC 8058: the token alone is enough. Twice is as good as once. @throws AppError not_found, gone */
export async function unsubscribe(ctx: Ctx, token: string): Promise<Leaving> {
  return leave(ctx, (tx) => personToLeave(ctx, tx, token));
}

async function leave(
  ctx: Ctx,
  find: (tx: Tx) => Promise<{ person: Recipient; byList: boolean }>,
): Promise<Leaving> {
  const [now, id] = [ctx.now(), ctx.newId()];
  const { leaving, queued } = await ctx.db.write(async (tx) => {
    const { person, byList } = await find(tx);
    if (person.state === 'unsubscribed') return { leaving: 'left' as const, queued: false };
    const site = await mailSite(ctx, tx);
    if (!byList && isList(person)) {
      const rendered = renderLeaveMail({ site });
      // One from before it came back does not count: its link has ended.
      const freshFrom = cameBackAfter(person);
      const queued = await queueOwnMail(tx, person, { id, kind: 'leave', rendered, freshFrom, now });
      return { leaving: 'asked' as const, queued };
    }
    const wasTold = person.state === 'confirmed' && person.kind === 'subscriber';
    await markLeft(tx, person, now);
    await insertAudit(tx, ctx, audit('subscriber.unsubscribe', person));
    if (!wasTold) return { leaving: 'left' as const, queued: false };
    const { channel } = person;
    if (channel !== 'email') {
      await tellEnded(tx, ctx, { ...person, channel }, { id, now });
      return { leaving: 'left' as const, queued: true };
    }
    // The mail may have been forwarded: whoever owns the mailbox learns of it, and can take it back.
    const rendered = renderUnsubscribedMail({ site });
    // Who took it back must hear of it again, however soon.
    const notice = { id, kind: 'unsubscribed' as const, rendered, freshFrom: cameBackAfter(person), now };
    return { leaving: 'left' as const, queued: await queueOwnMail(tx, person, notice) };
  });
  if (queued) ctx.changed('outbox');
  return leaving;
}

/** No more is sent to them; what they would have been told meanwhile can be made up for, should they take it back. */
export async function markLeft(tx: Tx, person: Recipient, now: Instant): Promise<void> {
  const hasDigests = person.channel === 'email' && person.state === 'confirmed' && readsDigests(person.mode);
  await markUnsubscribed(tx, person.seq, now, hasDigests ? await notToldSince(tx, person, now) : null);
}

/**
 * Takes an unsubscribing back, as though it had not been: what they have missed meanwhile of what is still open, they are told. Whoever holds
 * the link owns the mailbox. @throws AppError not_found, conflict, gone */
export async function undoUnsubscribe(ctx: Ctx, token: string): Promise<void> {
  const now = ctx.now();
  const isBack = await ctx.db.write(async (tx) => {
    const { person } = await personToLeave(ctx, tx, token);
    if (person.state === 'confirmed') return false;
    if (!canUndo(person, now))
      throw new AppError(
        'conflict',
        person.confirmedAt === null
          ? 'This address was never confirmed, so there is nothing to go back to.'
          : 'This was more than seven days ago, so a link alone does not bring it back.',
        { fix: 'Subscribe again.' },
      );
    await markBack(tx, person.seq, 'undo of an unsubscribing');
    await withdrawMails(tx, {
      recipientSeq: person.seq,
      kind: 'unsubscribed',
      reason: 'The unsubscribing was undone before.',
      now,
    });
    await insertAudit(tx, ctx, audit('subscriber.undo', person));
    await tellMissed(tx, ctx, person, person.unsubscribedAt as Instant);
    return true;
  });
  if (isBack) ctx.changed('outbox');
}

/** What was asked of them until then was before they were last back: when they left, or when they confirmed after that. */
function cameBackAfter({ confirmedAt, unsubscribedAt }: Recipient): Instant | null {
  return unsubscribedAt !== null && confirmedAt !== null && unsubscribedAt > confirmedAt
    ? unsubscribedAt
    : confirmedAt;
}

function canUndo({ kind, state, confirmedAt, unsubscribedAt }: Recipient, now: Instant): boolean {
  return (
    kind === 'subscriber' &&
    state === 'unsubscribed' &&
    confirmedAt !== null &&
    unsubscribedAt !== null &&
    now <= addMs(unsubscribedAt, UNDO_MS)
  );
}

/** Of these, one reader alone cannot end it for all. */
function isList(person: Recipient): boolean {
  return person.shared && person.channel === 'email' && person.state === 'confirmed';
}

/** By the link in every mail; or, with `byList`, by the one in the mail that asked everyone who reads the address. */
async function personToLeave(
  ctx: Ctx,
  tx: Tx,
  token: string,
): Promise<{ person: Recipient; byList: boolean }> {
  const id = readLinkToken(ctx.sign, 'unsubscribe', token);
  const asked = id === null ? readConfirmToken(ctx.sign, token, 'leave') : null;
  const known = id ?? asked?.recipientId;
  const person = (known && (await findRecipient(tx, known))) || brokenLink();
  // The token holds whole seconds, so the comparison does too.
  const cameBack = cameBackAfter(person)?.slice(0, 19);
  const fix = 'Press Unsubscribe in one of its mails, and we will ask anew.';
  if (asked && person.state === 'confirmed' && asked.expiresAt <= ctx.now())
    throw new AppError('gone', 'This link has expired: it works for 7 days.', { fix });
  if (asked && person.state === 'confirmed' && cameBack && asked.issuedAt.slice(0, 19) < cameBack)
    throw new AppError('gone', 'Since this mail the updates were stopped and taken up again.', { fix });
  return { person, byList: asked !== null };
}
