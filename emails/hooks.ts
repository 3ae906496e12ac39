import type { PlaceChannel } from '#domain/hooks.ts';
import type { Instant } from '#domain/time.ts';
import type { Hooks } from '#i18n/catalogue.ts';
import type { Words } from '#i18n/words.ts';
import * as compiled from './compiled.ts';
import { inEachLanguage, templateIn } from './languages.ts';
import { blocks, link, wrap } from './plain.ts';
import { clip, oneLine } from './prose.ts';
import { frameOf, nameOf, type Rendered, standardHeaders } from './render.ts';
import { fillTemplate, slot } from './template.ts';
import type { MailSite } from './update.ts';

/** Mails to whoever looks after a webhook or chat, in each language; each needs the slot `hook_url`. */

/** What is written about: its kind, and as much of its address as its owner needs. */
export type CalledPlace = { channel: PlaceChannel; shown: string };
type About = { site: MailSite; place: CalledPlace };

/** Asks whether calls to an address may begin. */
export function renderHookConfirmMail(about: About): Rendered {
  return hookMail(about, 'hookConfirm', ({ confirm }) => confirm);
}

/** For its owner, when its address was asked for again or they want a fresh link. */
export function renderHookLinkMail(about: About): Rendered {
  return hookMail(about, 'hookLink', ({ link }) => link);
}

/** Says that nothing is called there any more, why, and how to go on. */
export function renderHookQuarantinedMail({
  since,
  reason,
  ...about
}: About & { since: Instant; reason: string | null }): Rendered {
  return hookMail(
    about,
    'hookQuarantined',
    ({ quarantined }) => quarantined,
    ({ hooks, say, dateTime, refusal }) => {
      const { body, last, back } = hooks.mails.quarantined;
      return [
        say(body, { time: dateTime(since, about.site.timeZone) }),
        ...(reason ? [say(last, { reason: clip(refusal(oneLine(reason)), 300) })] : []),
        back,
      ];
    },
  );
}

/** Says that someone ended the calls by the link that stands in each of them: it may not have been the owner. */
export function renderHookEndedMail(about: About): Rendered {
  return hookMail(about, 'hookEnded', ({ ended }) => ended);
}

type Text = { heading: string; preheader: string; body: string; deed: string; after: string };

function hookMail(
  { site, place }: About,
  type: string,
  textOf: (mails: Hooks['mails']) => Text,
  linesOf?: (words: Words) => readonly string[],
): Rendered {
  return inEachLanguage(site, (words) => {
    const { mails } = words.hooks;
    const { heading: message, preheader, body, deed, after } = textOf(mails);
    const filling = { place: mails.places[place.channel], site: nameOf(site, words) };
    const heading = words.say(message, filling);
    const lines = linesOf?.(words) ?? [words.say(body, filling)];
    return {
      subject: heading,
      html: fillTemplate(templateIn('hook', compiled.hook, words), {
        ...frameOf(site, words, { heading, preheader }),
        ...{ deed, after, called: mails.called, instead: mails.instead },
        words: lines.map((line) => ({ line })),
        place: place.shown,
        hook_url: slot('hook_url'),
      }),
      text: blocks(
        wrap(heading),
        ...lines.map((line) => wrap(line)),
        wrap(`${mails.called} ${place.shown}`),
        link(deed, slot('hook_url')),
        wrap(after),
      ),
      headers: standardHeaders(site, type),
    };
  });
}
