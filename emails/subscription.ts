import * as compiled from './compiled.ts';
import { inEachLanguage, templateIn } from './languages.ts';
import { blocks, link, wrap } from './plain.ts';
import { frameOf, type Rendered, said, standardHeaders } from './render.ts';
import { fillTemplate, slot } from './template.ts';
import type { MailSite } from './update.ts';

/** Mails that someone with a mail of ours in hand asks for: they go to its address, so that whoever reads that decides. */

/** A fresh link to change what one gets; needs the slots `manage_url` and `unsubscribe_url`. */
export function renderFreshLinkMail({ site }: { site: MailSite }): Rendered {
  return inEachLanguage(site, (words) => {
    const { manage, change, unsubscribe, unasked } = words.mails;
    const { heading, preheader, body } = said(manage, site, words);
    return {
      subject: heading,
      html: fillTemplate(templateIn('manage', compiled.manage, words), {
        ...frameOf(site, words, { heading, preheader }),
        ...{ body, button: change, instead: manage.instead, unasked, leave: unsubscribe },
        manage_url: slot('manage_url'),
        unsubscribe_url: slot('unsubscribe_url'),
      }),
      text: blocks(
        wrap(heading),
        wrap(body),
        link(manage.open, slot('manage_url')),
        link(unsubscribe, slot('unsubscribe_url')),
        wrap(unasked),
      ),
      headers: standardHeaders(site, 'manage'),
    };
  });
}

/** Asks everyone who reads an address whether the updates to it should end; needs the slot `leave_url`. */
export function renderLeaveMail({ site }: { site: MailSite }): Rendered {
  return inEachLanguage(site, (words) => {
    const { leave, confirm } = words.mails;
    const { heading, preheader, body } = said(leave, site, words);
    const { button, open, after } = leave;
    return {
      subject: heading,
      html: fillTemplate(templateIn('leave', compiled.leave, words), {
        ...frameOf(site, words, { heading, preheader }),
        ...{ body, button, instead: confirm.instead, after },
        leave_url: slot('leave_url'),
      }),
      text: blocks(wrap(heading), wrap(body), link(open, slot('leave_url')), wrap(after)),
      headers: standardHeaders(site, 'leave'),
    };
  });
}
