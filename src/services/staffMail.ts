import type { Ctx } from '#db/context.ts';
import { insertDelivery } from '#db/deliveries.ts';
import type { Person } from '#db/duty.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { ensureStaff, listBouncedStaff } from '#db/staff.ts';
import { may } from '#domain/permissions.ts';
import { PRIORITY, type Priority } from '#domain/priority.ts';
import { namesInWords } from '#domain/templates.ts';
import type { Rendered } from '#emails/render.ts';

/**
 * Promises one mail to each of these people, ahead of all other mail unless `priority` says otherwise. `ctx.changed('outbox')` follows
 * the commit.
 * @returns the notice's seq; null when there is nobody to write to, and no `payload` either
 */
export async function mailStaff(
  tx: Tx,
  ctx: Ctx,
  {
    incidentSeq,
    people,
    rendered,
    payload = null,
    priority = PRIORITY.staff,
  }: {
    /** null of what is about several, or about none. */
    incidentSeq: number | null;
    people: readonly Pick<Person, 'name' | 'email'>[];
    rendered: Rendered;
    /** What chats and pagers are told in its place (`HookPayload` as JSON); null when none is. */
    payload?: string | null;
    priority?: Priority;
  },
): Promise<number | null> {
  if (!people.length && payload === null) return null;
  const now = ctx.now();
  const noticeSeq = await insertNotice(tx, {
    id: ctx.newId(),
    kind: 'call',
    incidentSeq,
    updateSeq: null,
    priority,
    rendered,
    payload,
    now,
  });
  for (const { email, name } of people) {
    const recipientSeq = await ensureStaff(tx, { id: ctx.newId(), address: email, name, now });
    await insertDelivery(tx, { noticeSeq, recipientSeq, priority, now });
  }
  return noticeSeq;
}

/** For the top of the admin, in the shape of deliveryHealth.ts: who cannot be called by mail, because their mailbox is not there. */
export async function readStaffTrouble(
  ctx: Ctx,
): Promise<{ level: 'trouble'; message: string; fix: string; at?: { href: string; label: string } }[]> {
  const names = (await ctx.db.read(listBouncedStaff)).map(({ name }) => name);
  if (!names.length) return [];
  const who = namesInWords(names);
  return [
    {
      level: 'trouble',
      message: `${who} cannot be called by mail: ${names.length > 1 ? 'their mailboxes do' : 'the mailbox does'} not exist.`,
      fix: 'Whoever comes next in the chain is called instead. Give a colleague the duty meanwhile. Once the mailbox is there, let it be mailed again.',
      ...(may(ctx.actor, 'subscriber.write') && {
        at: { href: '/admin/suppressions', label: 'Suppressions' },
      }),
    },
  ];
}
