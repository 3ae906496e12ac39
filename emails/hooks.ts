import { dateTimeText, type Instant } from '#domain/time.ts';

import * as compiled from './compiled.ts';
import { blocks, link, wrap } from './plain.ts';
import { clip, oneLine } from './prose.ts';
import { nameOf, type Rendered, standardHeaders } from './render.ts';
import { fillTemplate, parseTemplate, slot } from './template.ts';
import type { MailSite } from './update.ts';

/** Mails to whoever looks after a webhook or chat; each needs the slot `hook_url`. */
const TEMPLATE = parseTemplate(compiled.hook);

/** What is written about: its kind in words ("webhook", "Slack channel") and as much of its address as its owner needs. */
export type CalledPlace = { what: string; shown: string };

/** Asks whether calls to an address may begin. */
export function renderHookConfirmMail({ site, place }: { site: MailSite; place: CalledPlace }): Rendered {
  return hookMail(site, place, 'hookConfirm', {
    heading: `Confirm your ${place.what} for ${nameOf(site)}`,
    preheader: 'One press, and calls begin.',
    words: [
      `Someone, most likely you, asked ${nameOf(site)} to call an address whenever something breaks, is planned, or works again, and named this mailbox as its owner’s.`,
    ],
    deed: 'Confirm, and see the signing secret',
    after: 'The button works for 7 days. You did not ask for this? Do nothing, and nothing is called.',
  });
}

/** For its owner, when its address was asked for again or they want a fresh link. */
export function renderHookLinkMail({ site, place }: { site: MailSite; place: CalledPlace }): Rendered {
  return hookMail(site, place, 'hookLink', {
    heading: `Your ${place.what} for ${nameOf(site)}`,
    preheader: 'A fresh link to change what it gets.',
    words: [
      'It is called already, so there is nothing to confirm and nothing has changed. With this link you change what it gets, take a new signing secret, or remove it.',
    ],
    deed: 'Look after it',
    after: 'Changes can be made for a day with this link. You did not ask for it? Do nothing.',
  });
}

/** Says that nothing is called there any more, why, and how to go on. */
export function renderHookQuarantinedMail({
  site,
  place,
  since,
  reason,
}: {
  site: MailSite;
  place: CalledPlace;
  since: Instant;
  reason: string | null;
}): Rendered {
  return hookMail(site, place, 'hookQuarantined', {
    heading: `Your ${place.what} for ${nameOf(site)} is not called any more`,
    preheader: 'Its calls failed.',
    words: [
      `Its calls failed, so since ${dateTimeText(since, site.timeZone)} nothing is sent there.`,
      ...(reason ? [`The last call: ${clip(oneLine(reason), 300)}`] : []),
      'Once it works again, one press lets calls go on, and the newest word on each incident that it missed in the last day follows at once.',
    ],
    deed: 'Let calls go on',
    after: 'You do not need it any more? Do nothing.',
  });
}

/** Says that someone ended the calls by the link that stands in each of them: it may not have been the owner. */
export function renderHookEndedMail({ site, place }: { site: MailSite; place: CalledPlace }): Rendered {
  return hookMail(site, place, 'hookEnded', {
    heading: `Your ${place.what} for ${nameOf(site)} was ended`,
    preheader: 'Nothing is called there any more.',
    words: [
      'Someone pressed the link to unsubscribe that stands in each call, so nothing is called there any more.',
    ],
    deed: 'See how it stands',
    after: 'It was not you, and you still want the calls? Subscribe the address again.',
  });
}

function hookMail(
  site: MailSite,
  place: CalledPlace,
  type: string,
  text: { heading: string; preheader: string; words: readonly string[]; deed: string; after: string },
): Rendered {
  return {
    subject: text.heading,
    html: fillTemplate(TEMPLATE, {
      heading: text.heading,
      preheader: text.preheader,
      site_name: nameOf(site),
      site_url: site.url,
      words: text.words.map((line) => ({ line })),
      called: place.shown,
      deed: text.deed,
      after: text.after,
      hook_url: slot('hook_url'),
    }),
    text: blocks(
      wrap(text.heading),
      ...text.words.map((line) => wrap(line)),
      wrap(`Called: ${place.shown}`),
      link(text.deed, slot('hook_url')),
      wrap(text.after),
    ),
    headers: standardHeaders(site, type),
  };
}
