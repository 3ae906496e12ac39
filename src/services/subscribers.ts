import { z } from 'zod';
import { listChoices, replaceChoice } from '#db/choices.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { findSubscriber, insertSubscribers, markAsked, type Recipient, setPace } from '#db/recipients.ts';
import { listSuppressed, renameSuppression } from '#db/suppressions.ts';
import { type Choice, type Choices, EVERYTHING } from '#domain/choice.ts';
import { AppError } from '#domain/errors.ts';
import { MODES, type Mode } from '#domain/subscriberPace.ts';
import { parseAddress } from '#domain/text.ts';
import { isTimeZone } from '#domain/time.ts';
import { renderAlreadySubscribedMail, renderConfirmMail } from '#emails/render.ts';
import { mailSite, queueOwnMail } from './subscriptionMail.ts';

/** The wording on the subscribe page that people agree to; a new wording gets a new name. */
export const CONSENT_VERSION = '2026-11';

/** Lets a client ask so often and no more; `retryAfter` is in seconds. */
export type TakeTurn = (clientKey: string) => Promise<{ ok: true } | { ok: false; retryAfter: number }>;

export const addressInput = z
  .string({ error: 'The mail address is missing.' })
  .trim()
  .min(1, 'The mail address is empty. Write it as mia@example.com.')
  .transform((text, issues) => {
    const address = parseAddress(text);
    if (address) return address;
    issues.addIssue({ code: 'custom', message: 'This is no mail address. Write it as mia@example.com.' });
    return z.NEVER;
  });

export const choiceInput = z.object({
  wholePage: z.boolean(),
  groups: z.array(z.string().max(40)).max(500),
  components: z.array(z.string().max(40)).max(2_000),
});
export type ChoiceInput = z.infer<typeof choiceInput>;

/** How often someone wants to hear, and by whose clock: '' for the page's. */
export const paceInput = z.object({
  mode: z.enum(MODES, { error: 'Choose how often from the list.' }),
  timeZone: z
    .string()
    .max(60)
    .refine(
      (zone) => zone === '' || isTimeZone(zone),
      'This time zone is not known. Choose one from the list.',
    )
    .transform((zone) => zone || null),
  /** Also an hour before planned work begins; left out, it stays as it is. */
  hourBefore: z.boolean().optional(),
});

/** What the subscribe form says. */
export const subscribeInput = z.object({ address: addressInput, choice: choiceInput, ...paceInput.shape });

export const WHOLE_PAGE: ChoiceInput = { wholePage: true, groups: [], components: [] };

/** What a subscriber can choose from. */
export function getChoices(ctx: Ctx): Promise<Choices> {
  return ctx.db.read(listChoices);
}

/**
 * Someone asks to be told, at an address that may be theirs. Whoever asks learns nothing: the answer, and the work behind it, is
 * the same for an address that is new, waiting or confirmed. What differs is the mail: a link to confirm, or word that it is
 * subscribed already. At most one mail per address in 10 minutes and five a day.
 * @throws AppError invalid, too_many (with `retryAfter`)
 */
export async function subscribe(
  ctx: Ctx,
  input: {
    address: string;
    choice: ChoiceInput;
    mode?: Mode;
    timeZone?: string | null;
    hourBefore?: boolean | undefined;
    locale: string;
    source: string;
    clientKey: string;
  },
  takeTurn: TakeTurn,
): Promise<void> {
  const turn = await takeTurn(input.clientKey);
  if (!turn.ok)
    throw new AppError('too_many', 'Too many addresses were subscribed from here in a short time.', {
      fix: 'Wait a few minutes and try again.',
      retryAfter: turn.retryAfter,
    });
  const { address } = input;
  const now = ctx.now();
  const id = ctx.newId();
  const noticeId = ctx.newId();
  const suppressionKey = erasedKey(ctx, address);
  const { mails, choice } = await ctx.db.read(async (tx) => {
    const site = await mailSite(ctx, tx);
    return {
      mails: { confirm: renderConfirmMail({ site }), already: renderAlreadySubscribedMail({ site }) },
      choice: knownChoice(await listChoices(tx), input.choice),
    };
  });
  const consent = { consentVersion: CONSENT_VERSION, consentSource: input.source };
  const queued = await ctx.db.write(async (tx) => {
    let person = await findSubscriber(tx, address);
    if (!person) {
      const { locale } = input;
      await insertSubscribers(tx, [
        { id, address, state: 'pending', wholePage: true, locale, ...consent, now },
      ]);
      person = (await findSubscriber(tx, address)) as Recipient;
    }
    const isKnown = person.state === 'confirmed';
    await markAsked(tx, person.seq, {
      ...(isKnown ? person : { locale: input.locale, ...consent }),
      state: isKnown ? 'confirmed' : 'pending',
      now,
    });
    // A stranger who types someone's address must not change what that person gets.
    await replaceChoice(tx, person.seq, isKnown ? person.choice : choice);
    await setPace(
      tx,
      person.seq,
      isKnown
        ? person
        : {
            mode: input.mode ?? 'policy',
            timeZone: input.timeZone ?? null,
            digestFrom: null,
            hourBefore: input.hourBefore ?? false,
          },
    );
    await restoreSuppression(tx, suppressionKey, address);
    const kind = isKnown ? 'already' : 'confirm';
    // Who left and comes back at once gets their link.
    const freshFrom = person.unsubscribedAt;
    return queueOwnMail(tx, person, { id: noticeId, kind, rendered: mails[kind], freshFrom, now });
  });
  if (queued) ctx.changed('outbox');
}

/** Only what exists, each once; a group stands for its components, so those need no row of their own. */
export function knownChoice(known: Choices, input: ChoiceInput): Choice {
  if (input.wholePage) return EVERYTHING;
  const groups = known.groups.filter((group) => input.groups.includes(group.id));
  const single = [...known.groups.filter((group) => !groups.includes(group)).flatMap((g) => g.components)];
  const components = [...single, ...known.components].filter(({ id }) => input.components.includes(id));
  if (groups.length + components.length === 0)
    throw new AppError('invalid', 'Nothing is chosen.', {
      problems: [{ field: 'scopes', message: 'Choose at least one component, or the whole page.' }],
    });
  return {
    wholePage: false,
    scopes: [
      ...groups.map(({ id }) => ({ kind: 'group' as const, id })),
      ...components.map(({ id }) => ({ kind: 'component' as const, id })),
    ],
  };
}

/** What stands for a suppressed address after its erasure: only this installation can tell whose it was, and only when asked. */
export function erasedKey(ctx: Pick<Ctx, 'sign'>, address: string): string {
  return `erased:${ctx.sign('suppression', address)}`;
}

/** An address whose suppression outlived its erasure is with us again: the suppression applies to it by name again. */
export async function restoreSuppression(tx: Tx, key: string, address: string): Promise<void> {
  if ((await listSuppressed(tx, [key])).has(key)) await renameSuppression(tx, key, address);
}
