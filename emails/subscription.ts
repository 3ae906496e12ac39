import * as compiled from './compiled.ts';
import { blocks, link, wrap } from './plain.ts';
import { nameOf, type Rendered, standardHeaders } from './render.ts';
import { fillTemplate, parseTemplate, slot } from './template.ts';
import type { MailSite } from './update.ts';

/** Mails that someone with a mail of ours in hand asks for: they go to its address, so that whoever reads that decides. */
const TEMPLATES = { manage: parseTemplate(compiled.manage), leave: parseTemplate(compiled.leave) };

/** A fresh link to change what one gets; needs the slots `manage_url` and `unsubscribe_url`. */
export function renderFreshLinkMail({ site }: { site: MailSite }): Rendered {
  const name = nameOf(site);
  const heading = `Change what you get from ${name}`;
  return {
    subject: heading,
    html: fillTemplate(TEMPLATES.manage, {
      ...frame(site, heading, 'The link that you asked for. It works for a day.'),
      manage_url: slot('manage_url'),
      unsubscribe_url: slot('unsubscribe_url'),
    }),
    text: blocks(
      wrap(heading),
      wrap(
        `Someone, most likely you, asked for a fresh link to change what this address gets from ${name}. Nothing has changed yet.`,
      ),
      link('Change what you get (it changes things for a day)', slot('manage_url')),
      link('Unsubscribe', slot('unsubscribe_url')),
      wrap('You did not ask for this? Do nothing.'),
    ),
    headers: standardHeaders(site, 'manage'),
  };
}

/** Asks everyone who reads an address whether the updates to it should end; needs the slot `leave_url`. */
export function renderLeaveMail({ site }: { site: MailSite }): Rendered {
  const name = nameOf(site);
  const heading = `Stop the updates of ${name} for everyone here?`;
  return {
    subject: heading,
    html: fillTemplate(TEMPLATES.leave, {
      ...frame(site, heading, 'Someone pressed Unsubscribe. Until one of you confirms it, they go on.'),
      leave_url: slot('leave_url'),
    }),
    text: blocks(
      wrap(heading),
      wrap(
        `Someone who reads this address pressed Unsubscribe in a mail of ${name}. Several people read it, so the updates go on until one of you confirms that they should stop for everyone.`,
      ),
      link('To stop them for everyone, open this address (it works for 7 days)', slot('leave_url')),
      wrap(
        'They should go on? Do nothing. Only you yourself want no more? Ask whoever looks after this list to take you off it.',
      ),
    ),
    headers: standardHeaders(site, 'leave'),
  };
}

function frame(site: MailSite, heading: string, preheader: string) {
  return { heading, preheader, site_name: nameOf(site), site_url: site.url };
}
