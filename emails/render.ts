import type { Words } from '#i18n/words.ts';
import * as compiled from './compiled.ts';
import { drillText, drillValue, withDrill } from './drill.ts';
import { ENGLISH, homeOf, inEachLanguage, templateIn } from './languages.ts';
import { LOOK_OF_COMPONENT, LOOK_OF_STATUS, type Look } from './looks.ts';
import { blocks, columns, link, wrap } from './plain.ts';
import { clip, excerpt, oneLine, plainLines, proseText, proseWithin } from './prose.ts';
import { fillTemplate, type SafeHtml, slot, type Value, type Values, withoutControls } from './template.ts';

import {
  correctionWords,
  earlierItems,
  facts,
  followWords,
  headingOf,
  incidentUrl,
  MAX_COMPONENTS,
  type MailSite,
  moreComponents,
  ownWindow,
  promise,
  statusWords,
  type UpdateMail,
  whenLine,
  windowWords,
} from './update.ts';

export { personalise, splitSlots } from './slots.ts';
export type { MailSite, UpdateMail };

/**
 * One mail as everyone whose content is the same gets it. The personal links are still open slots in `html` and `text`
 * (`personalise` fills them); `headers` are those beside From, To, Subject and the personal ones (`personalHeaders`).
 */
export type Rendered = {
  subject: string;
  html: string;
  text: string;
  headers: Record<string, string>;
  /** The same in other languages than the page's first. */
  translations?: Readonly<Record<string, Translation>>;
};
export type Translation = Pick<Rendered, 'subject' | 'html' | 'text'>;

/** Gmail cuts a mail at about 102 KB and hides the rest, the unsubscribe link included. Every mail stays below this. */
export const MAX_HTML_BYTES = 80_000;

/** What the personal links add, with room to spare. */
const LINK_BYTES = 2_000;

/** The mail of an incident's or a maintenance's public update. Rendered once a language, however many get it. */
export function renderUpdateMail(input: UpdateMail): Rendered {
  const mail = cleaned(input);
  // A drill is told to staff alone.
  if (mail.incident.drill) return updateIn(mail, ENGLISH);
  return inEachLanguage(mail.site, (words) => updateIn(mail, words));
}

function updateIn(mail: UpdateMail, words: Words): Rendered {
  const heading = headingOf(mail);
  const label = statusWords(mail, words);
  const template = templateIn('update', compiled.update, words);
  const root = `<incident-${mail.incident.id.replace(/[^a-z0-9_-]/gi, '')}@${hostOf(mail.site)}>`;
  const html = (body: Pick<Values, 'body_html' | 'cut' | 'missed'>) =>
    fillTemplate(template, { ...updateValues(mail, heading, label, words), ...body });
  const room =
    MAX_HTML_BYTES -
    LINK_BYTES -
    Buffer.byteLength(html({ body_html: { safeHtml: '' }, cut: {}, missed: missedWithin(mail, 0, words) }));
  const body = proseWithin(mail.update.body, room);
  const missed = missedWithin(mail, room - Buffer.byteLength(body.html.safeHtml), words);
  return {
    subject: withDrill(
      words.say(words.mails.subject, { mark: subjectMark(mail, words), heading }),
      mail.incident.drill ?? false,
    ),
    html: html({ body_html: typed(body.html, words), cut: body.cut ? {} : null, missed }),
    text: updateText(mail, heading, label, words),
    headers: {
      ...standardHeaders(mail.site, mail.incident.kind, mail.incident.id),
      // The same root on every update, the first included: no mail of a thread must have arrived for the next to join it.
      References: root,
      'In-Reply-To': root,
    },
  };
}

/** After “[Resolved]” or “[Scheduled]” in the same thread, a status alone would look like a mail that came late, or twice. */
function subjectMark({ incident, update, correction, reminder, spared }: UpdateMail, words: Words): string {
  const { pages, mails, say } = words;
  if (spared) return mails.notAffected;
  if (correction) return mails.correction;
  if (reminder) return mails.reminder;
  const status = incident.calledOff ? pages.story.calledOff : pages.status[update.status];
  return (
    windowWords(update.kind, words) ?? (update.kind === 'reopening' ? say(mails.again, { status }) : status)
  );
}

/** What was missed, as much of it as `maxBytes` of HTML hold; the rest is on the page. */
function missedWithin({ site, update, missed = [] }: UpdateMail, maxBytes: number, words: Words): Value {
  if (!missed.length) return null;
  let left = maxBytes;
  let whole = true;
  const entries = missed.flatMap((item) => {
    const room = left - MISSED_BYTES;
    const { html, cut } = room < MISSED_BYTES ? { html: null, cut: true } : proseWithin(item.body, room);
    whole &&= !cut;
    if (!html) return [];
    left = room - Buffer.byteLength(html.safeHtml);
    return {
      status: words.pages.status[item.status],
      status_class: LOOK_OF_STATUS[item.status].className,
      status_colour: LOOK_OF_STATUS[item.status].colour,
      posted: words.when(item.postedAt, site.timeZone, update.postedAt),
      body_html: typed(html, words),
    };
  });
  return { entries, rest: whole ? null : {} };
}

/** What someone wrote, running its own way where the mail runs the other. */
export function typed(html: SafeHtml, { dir }: Words): SafeHtml {
  return dir === 'rtl'
    ? { safeHtml: `<div dir="auto" style="text-align:start">${html.safeHtml}</div>` }
    : html;
}

/** What one missed update needs beside its words. */
const MISSED_BYTES = 900;

/** Asks whoever reads the address to confirm; needs the slot `confirm_url`. */
export function renderConfirmMail({ site }: { site: MailSite }): Rendered {
  return inEachLanguage(site, (words) => {
    const { confirm } = words.mails;
    const { heading, preheader, body } = said(confirm, site, words);
    const values = { body: `${body} ${confirm.press}`, button: confirm.button, instead: confirm.instead };
    return {
      subject: heading,
      html: fillTemplate(templateIn('confirm', compiled.confirm, words), {
        ...frameOf(site, words, { heading, preheader }),
        ...values,
        unasked: confirm.unasked,
        confirm_url: slot('confirm_url'),
      }),
      text: blocks(wrap(heading), wrap(body), link(confirm.open, slot('confirm_url')), wrap(confirm.unasked)),
      headers: standardHeaders(site, 'confirm'),
    };
  });
}

/** For an address that has been confirmed before; needs the slots `manage_url` and `unsubscribe_url`. */
export function renderAlreadySubscribedMail({ site }: { site: MailSite }): Rendered {
  return inEachLanguage(site, (words) => {
    const { already, change, unsubscribe, unasked } = words.mails;
    const { heading, preheader, body } = said(already, site, words);
    return {
      subject: heading,
      html: fillTemplate(templateIn('already', compiled.already, words), {
        ...frameOf(site, words, { heading, preheader }),
        ...{ body, button: change, unasked, leave: unsubscribe },
        manage_url: slot('manage_url'),
        unsubscribe_url: slot('unsubscribe_url'),
      }),
      text: blocks(
        wrap(heading),
        wrap(body),
        link(change, slot('manage_url')),
        link(unsubscribe, slot('unsubscribe_url')),
        wrap(unasked),
      ),
      headers: standardHeaders(site, 'already'),
    };
  });
}

/** Says that no more will come, with a way to undo it; needs the slot `unsubscribe_url`. */
export function renderUnsubscribedMail({ site }: { site: MailSite }): Rendered {
  return inEachLanguage(site, (words) => {
    const { unsubscribed } = words.mails;
    const { heading, preheader, body } = said(unsubscribed, site, words);
    const { notYou, button, undo, open } = unsubscribed;
    return {
      subject: heading,
      html: fillTemplate(templateIn('unsubscribed', compiled.unsubscribed, words), {
        ...frameOf(site, words, { heading, preheader }),
        ...{ body, not_you: notYou, button, open },
        unsubscribe_url: slot('unsubscribe_url'),
      }),
      text: blocks(
        wrap(heading),
        wrap(body),
        wrap(notYou),
        link(undo, slot('unsubscribe_url')),
        link(open, homeOf(site, words)),
      ),
      headers: standardHeaders(site, 'unsubscribed'),
    };
  });
}

/** The three that every mail about a subscription has, with the page's name in them. */
export function said(
  messages: { heading: string; preheader: string; body: string },
  site: MailSite,
  words: Words,
) {
  const filling = { site: nameOf(site, words) };
  return {
    heading: words.say(messages.heading, filling),
    preheader: messages.preheader,
    body: words.say(messages.body, filling),
  };
}

/** What the frame of every mail holds. */
export function frameOf(
  site: MailSite,
  words: Words,
  { heading, preheader }: { heading: string; preheader: string },
): Values {
  return { heading, preheader, site_name: nameOf(site, words), site_url: homeOf(site, words) };
}

/** No text that comes in here can hold a control character from here on, so none can pass for a slot. */
export function cleaned<T>(value: T): T {
  if (typeof value === 'string') return withoutControls(value) as T;
  if (Array.isArray(value)) return value.map(cleaned) as T;
  if (!value || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleaned(inner)])) as T;
}

function updateValues(mail: UpdateMail, heading: string, label: string, words: Words): Values {
  const { site, incident, update } = mail;
  const { mails, pages, dateTime } = words;
  const earlier = earlierItems(mail, words);
  const when = whenLine(mail, words);
  const correction = correctionWords(mail, words);
  const drill = incident.drill ?? false;
  return {
    drill: drillValue(drill),
    ...frameOf(site, words, { heading, preheader: `${label}: ${excerpt(update.body, 110) || correction}` }),
    incident_url: incidentUrl(mail, words),
    follow: followWords(incident.status, drill, words),
    whole: mails.whole,
    missed_title: mails.missed,
    rest_words: mails.rest,
    components_title: mails.components,
    earlier_title: mails.earlier,
    status: label,
    ...lookValues(LOOK_OF_STATUS[mail.spared ? 'resolved' : update.status]),
    posted: dateTime(update.postedAt, site.timeZone),
    span: when ? { when, own: ownWindow(mail, words) ?? '' } : null,
    facts: facts(mail, words).map(({ label, text }) => ({
      label,
      text_html: typed(plainLines(text), words),
    })),
    promise: promise(mail, words),
    correction: correction === null ? null : { words: correction },
    components: mail.components.length
      ? {
          rows: mail.components.slice(0, MAX_COMPONENTS).map(({ name, status }) => ({
            name: clip(oneLine(name), 100),
            status: pages.component[status],
            ...lookValues(LOOK_OF_COMPONENT[status]),
          })),
          more: moreComponents(mail, words),
        }
      : null,
    earlier: earlier.length
      ? {
          items: earlier.map(({ look, ...item }) => ({
            ...item,
            status_class: look.className,
            status_colour: look.colour,
          })),
        }
      : null,
    subscribed: drill
      ? null
      : {
          why: words.say(mails.why, { site: nameOf(site, words) }),
          change: mails.change,
          leave: mails.unsubscribe,
          manage_url: slot('manage_url'),
          unsubscribe_url: slot('unsubscribe_url'),
        },
    practising: drill ? { why: PRACTISING } : null,
  };
}

const PRACTISING =
  'You get this because you take part in this drill. Subscribers would have had it like this.';

function updateText(mail: UpdateMail, heading: string, label: string, words: Words): string {
  const { site, update } = mail;
  const { mails, pages, say, when, dateTime } = words;
  const next = promise(mail, words);
  const earlier = earlierItems(mail, words);
  const more = moreComponents(mail, words);
  const line = whenLine(mail, words);
  const correction = correctionWords(mail, words);
  const drill = mail.incident.drill ?? false;
  return blocks(
    drillText(drill),
    `${nameOf(site, words)}\n${dateTime(update.postedAt, site.timeZone)}`,
    wrap(`${label}: ${heading}`) + (line ? `\n${wrap(line)}${ownWindow(mail, words) ?? ''}` : ''),
    correction && wrap(correction),
    wrap(proseText(update.body)),
    ...facts(mail, words).map((fact) => `${fact.label}\n${wrap(fact.text, '  ')}`),
    next && `${next.words} ${next.by}${next.own}`,
    mail.missed?.length ? mails.missed : null,
    ...(mail.missed ?? []).map(
      (item) =>
        `${pages.status[item.status]}${pages.time.comma}${when(item.postedAt, site.timeZone, update.postedAt)}\n${wrap(proseText(item.body))}`,
    ),
    mail.components.length
      ? `${mails.components}\n${columns(
          mail.components.slice(0, MAX_COMPONENTS).map(({ name, status }) => ({
            left: clip(oneLine(name), 50),
            right: pages.component[status],
          })),
        )}${more ? `\n${wrap(more.count, '  ')}` : ''}`
      : null,
    link(followWords(mail.incident.status, drill, words), incidentUrl(mail, words)),
    earlier.length
      ? `${mails.earlier}\n${earlier.map((item) => `  ${item.status}${pages.time.comma}${item.posted}\n${wrap(item.words, '  ')}`).join('\n\n')}`
      : null,
    `--\n${wrap(drill ? PRACTISING : say(mails.why, { site: nameOf(site, words) }))}`,
    drill ? null : link(mails.change, slot('manage_url')),
    drill ? null : link(mails.unsubscribe, slot('unsubscribe_url')),
  );
}

export function lookValues(look: Look): Values {
  return { status_shape: look.shape, status_class: look.className, status_colour: look.colour };
}

/**
 * Headers that are the same for everyone. List-ID (RFC 2919) lets people filter; Auto-Submitted (RFC 3834) and Exchange's header keep
 * holiday replies away; Feedback-ID lets Gmail tell one incident's complaints from another's.
 */
export function standardHeaders(site: MailSite, type: string, id?: string): Record<string, string> {
  const host = hostOf(site);
  const name = nameOf(site);
  // A name outside ASCII would need an encoded word here; the address alone is as good for filtering.
  const phrase = /^[\x20-\x7e]+$/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}" ` : '';
  return {
    'List-ID': `${phrase}<${host}>`,
    'Auto-Submitted': 'auto-generated',
    'X-Auto-Response-Suppress': 'OOF, AutoReply',
    'Feedback-ID': `${id ? `${id.replace(/[^a-z0-9_-]/gi, '')}:` : ''}${host}:${type}:foghorn`,
  };
}

/** "Harbour status", whatever the owner called the page. */
export function nameOf(site: MailSite, words: Words = ENGLISH): string {
  return words.pageName(oneLine(site.name)).whole;
}

export function hostOf(site: MailSite): string {
  return new URL(site.url).hostname;
}
