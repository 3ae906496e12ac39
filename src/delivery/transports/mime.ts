import MailComposer from 'nodemailer/lib/mail-composer';
import type { Instant } from '#domain/time.ts';
import { bodiesOf, dateOf, type Mail, type Mailbox, type Sender } from '../mail.ts';

/**
 * The whole message (RFC 5322), ASCII only. Date, boundary and Message-ID are fixed, so that building it again gives the same bytes
 * and a server or reader can tell a repeat.
 */
export async function composeMessage(mail: Mail, sender: Sender, frozenAt: Instant): Promise<string> {
  const { html, text } = bodiesOf(mail);
  const composer = new MailComposer({
    from: sender.from,
    to: { name: '', address: mail.address },
    ...((mail.replyTo ?? sender.replyTo) && { replyTo: (mail.replyTo ?? sender.replyTo) as Mailbox }),
    subject: mail.letter.notice.subject,
    html,
    text,
    headers: Object.fromEntries(Object.entries(mail.headers).map(asTheyAre)),
    messageId: mail.messageId,
    date: dateOf(frozenAt),
    baseBoundary: `d${mail.deliverySeq}`,
    textEncoding: 'quoted-printable',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const message = await composer.compile().build();
  return message.toString('latin1');
}

/**
 * List-* and their like are structured (RFC 2369, 2919, 8058) and ASCII: encoded as free text they would lose their meaning. Those
 * that thread a conversation nodemailer writes well by itself.
 */
function asTheyAre([name, value]: [string, string]) {
  const threads = /^(references|in-reply-to)$/i.test(name);
  return [name, threads ? value : { prepared: true, foldLines: true, value }] as const;
}
