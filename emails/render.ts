import { STATUS_LABELS } from '#domain/status.ts';
import { dateTimeText, whenText } from '#domain/time.ts';
import * as compiled from './compiled.ts';
import { drillText, drillValue, withDrill } from './drill.ts';
import { LOOK_OF_COMPONENT, LOOK_OF_STATUS, type Look } from './looks.ts';
import { blocks, columns, link, wrap } from './plain.ts';
import { clip, excerpt, oneLine, plainLines, proseText, proseWithin } from './prose.ts';
import {
  fillTemplate,
  parseTemplate,
  type SlotName,
  slot,
  type Value,
  type Values,
  withoutControls,
} from './template.ts';

import {
  CALLED_OFF,
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
} from './update.ts';

export { personalise, splitSlots } from './slots.ts';
export type { MailSite, UpdateMail };

/**
 * One mail as everyone whose content is the same gets it. The personal links are still open slots in `html` and `text`
 * (`personalise` fills them); `headers` are those beside From, To, Subject and the personal ones (`personalHeaders`).
 */
export type Rendered = { subject: string; html: string; text: string; headers: Record<string, string> };

/** Gmail cuts a mail at about 102 KB and hides the rest, the unsubscribe link included. Every mail stays below this. */
export const MAX_HTML_BYTES = 80_000;

/** What the personal links add, with room to spare. */
const LINK_BYTES = 2_000;

const TEMPLATES = {
  update: parseTemplate(compiled.update),
  confirm: parseTemplate(compiled.confirm),
  already: parseTemplate(compiled.already),
  unsubscribed: parseTemplate(compiled.unsubscribed),
};

/** The mail of an incident's or a maintenance's public update. Rendered once, however many get it. */
export function renderUpdateMail(input: UpdateMail): Rendered {
  const mail = cleaned(input);
  const heading = headingOf(mail);
  const label = statusWords(mail);
  const root = `<incident-${mail.incident.id.replace(/[^a-z0-9_-]/gi, '')}@${hostOf(mail.site)}>`;
  const html = (body: Pick<Values, 'body_html' | 'cut' | 'missed'>) =>
    fillTemplate(TEMPLATES.update, { ...updateValues(mail, heading, label), ...body });
  const room =
    MAX_HTML_BYTES -
    LINK_BYTES -
    Buffer.byteLength(html({ body_html: { safeHtml: '' }, cut: {}, missed: missedWithin(mail, 0) }));
  const body = proseWithin(mail.update.body, room);
  const missed = missedWithin(mail, room - Buffer.byteLength(body.html.safeHtml));
  return {
    subject: withDrill(`[${subjectMark(mail)}] ${heading}`, mail.incident.drill ?? false),
    html: html({ body_html: body.html, cut: body.cut ? {} : null, missed }),
    text: updateText(mail, heading, label),
    headers: {
      ...standardHeaders(mail.site, mail.incident.kind, mail.incident.id),
      // The same root on every update, the first included: no mail of a thread must have arrived for the next to join it.
      References: root,
      'In-Reply-To': root,
    },
  };
}

/** After “[Resolved]” in the same thread, a status alone would look like a mail that came late. */
function subjectMark({ incident, update, correction, reminder }: UpdateMail): string {
  if (correction) return 'Correction';
  if (reminder) return 'Reminder';
  const label = incident.calledOff ? CALLED_OFF : STATUS_LABELS[update.status];
  return update.kind === 'reopening' ? `${label} again` : label;
}

/** What was missed, as much of it as `maxBytes` of HTML hold; the rest is on the page. */
function missedWithin({ site, update, missed = [] }: UpdateMail, maxBytes: number): Value {
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
      status: STATUS_LABELS[item.status],
      status_class: LOOK_OF_STATUS[item.status].className,
      status_colour: LOOK_OF_STATUS[item.status].colour,
      posted: whenText(item.postedAt, site.timeZone, update.postedAt),
      body_html: html,
    };
  });
  return { entries, rest: whole ? null : {} };
}

/** What one missed update needs beside its words. */
const MISSED_BYTES = 900;

/** Asks whoever reads the address to confirm; needs the slot `confirm_url`. */
export function renderConfirmMail({ site }: { site: MailSite }): Rendered {
  const heading = `Confirm that you want updates from ${nameOf(site)}`;
  return {
    subject: heading,
    html: note(
      'confirm',
      site,
      heading,
      'One press, and you will know when something breaks or is planned.',
      ['confirm_url'],
    ),
    text: blocks(
      wrap(heading),
      wrap(
        `Someone, most likely you, asked us to mail this address when something on ${nameOf(site)} breaks, is planned, or works again.`,
      ),
      link('To say yes, open this address (it works for 7 days)', slot('confirm_url')),
      wrap('You did not ask for this? Do nothing, and we will not write again.'),
    ),
    headers: standardHeaders(site, 'confirm'),
  };
}

/** For an address that has been confirmed before; needs the slots `manage_url` and `unsubscribe_url`. */
export function renderAlreadySubscribedMail({ site }: { site: MailSite }): Rendered {
  const heading = `You already get updates from ${nameOf(site)}`;
  return {
    subject: heading,
    html: note('already', site, heading, 'There is nothing left to confirm, and nothing has changed.', [
      'manage_url',
      'unsubscribe_url',
    ]),
    text: blocks(
      wrap(heading),
      wrap(
        `Someone, most likely you, asked us to send updates of ${nameOf(site)} to this address. It gets them already, so there is nothing left to confirm and nothing has changed.`,
      ),
      link('Change what you get', slot('manage_url')),
      link('Unsubscribe', slot('unsubscribe_url')),
      wrap('You did not ask for this? Do nothing.'),
    ),
    headers: standardHeaders(site, 'already'),
  };
}

/** Says that no more will come, with a way to undo it; needs the slot `unsubscribe_url`. */
export function renderUnsubscribedMail({ site }: { site: MailSite }): Rendered {
  const heading = `You are unsubscribed from ${nameOf(site)}`;
  return {
    subject: heading,
    html: note('unsubscribed', site, heading, 'This is the last mail. It can be undone for seven days.', [
      'unsubscribe_url',
    ]),
    text: blocks(
      wrap(heading),
      wrap(`This address gets no more updates of ${nameOf(site)}. This is the last mail.`),
      wrap(
        'It was not you? One of our mails may have been forwarded, and its link pressed by someone else. Within seven days one press brings everything back.',
      ),
      link('It was a mistake? Undo it here', slot('unsubscribe_url')),
      link('The status page itself stays open to everyone', site.url),
    ),
    headers: standardHeaders(site, 'unsubscribed'),
  };
}

/** No text that comes in here can hold a control character from here on, so none can pass for a slot. */
export function cleaned<T>(value: T): T {
  if (typeof value === 'string') return withoutControls(value) as T;
  if (Array.isArray(value)) return value.map(cleaned) as T;
  if (!value || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleaned(inner)])) as T;
}

function note(
  name: 'confirm' | 'already' | 'unsubscribed',
  site: MailSite,
  heading: string,
  preheader: string,
  slots: readonly SlotName[],
): string {
  return fillTemplate(TEMPLATES[name], {
    heading,
    preheader,
    site_name: nameOf(site),
    site_url: site.url,
    ...Object.fromEntries(slots.map((name) => [name, slot(name)])),
  });
}

function updateValues(mail: UpdateMail, heading: string, label: string): Values {
  const { site, incident, update } = mail;
  const words = promise(mail);
  const earlier = earlierItems(mail);
  const when = whenLine(mail);
  const drill = incident.drill ?? false;
  return {
    drill: drillValue(drill),
    heading,
    preheader: `${label}: ${excerpt(update.body, 110)}`,
    site_name: nameOf(site),
    site_url: site.url,
    incident_url: incidentUrl(mail),
    follow: followWords(incident.status, drill),
    status: label,
    ...lookValues(LOOK_OF_STATUS[update.status]),
    posted: dateTimeText(update.postedAt, site.timeZone),
    span: when ? { when, own: ownWindow(mail) ?? '' } : null,
    facts: facts(mail).map(({ label, text }) => ({ label, text_html: plainLines(text) })),
    promise: words,
    correction: correctionWords(mail) === null ? null : { words: correctionWords(mail) as string },
    components: mail.components.length
      ? {
          rows: mail.components.slice(0, MAX_COMPONENTS).map(({ name, status }) => ({
            name: clip(oneLine(name), 100),
            status: LOOK_OF_COMPONENT[status].word,
            ...lookValues(LOOK_OF_COMPONENT[status]),
          })),
          more: moreComponents(mail),
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
    subscribed: drill ? null : { manage_url: slot('manage_url'), unsubscribe_url: slot('unsubscribe_url') },
    practising: drill ? { why: PRACTISING } : null,
  };
}

const PRACTISING =
  'You get this because you take part in this drill. Subscribers would have had it like this.';

function updateText(mail: UpdateMail, heading: string, label: string): string {
  const { site, update } = mail;
  const words = promise(mail);
  const earlier = earlierItems(mail);
  const more = moreComponents(mail);
  const drill = mail.incident.drill ?? false;
  return blocks(
    drillText(drill),
    `${nameOf(site)}\n${dateTimeText(update.postedAt, site.timeZone)}`,
    wrap(`${label}: ${heading}`) +
      (whenLine(mail) ? `\n${wrap(whenLine(mail) as string)}${ownWindow(mail) ?? ''}` : ''),
    correctionWords(mail) && wrap(correctionWords(mail) as string),
    wrap(proseText(update.body)),
    ...facts(mail).map((fact) => `${fact.label}\n${wrap(fact.text, '  ')}`),
    words && `${words.words} ${words.by}${words.own}`,
    mail.missed?.length ? 'What you missed' : null,
    ...(mail.missed ?? []).map(
      (item) =>
        `${STATUS_LABELS[item.status]}, ${whenText(item.postedAt, site.timeZone, update.postedAt)}\n${wrap(proseText(item.body))}`,
    ),
    mail.components.length
      ? `Components\n${columns(
          mail.components.slice(0, MAX_COMPONENTS).map(({ name, status }) => ({
            left: clip(oneLine(name), 50),
            right: LOOK_OF_COMPONENT[status].word,
          })),
        )}${more ? `\n${wrap(more.count, '  ')}` : ''}`
      : null,
    link(followWords(mail.incident.status, drill), incidentUrl(mail)),
    earlier.length
      ? `Earlier\n${earlier.map((item) => `  ${item.status}, ${item.posted}\n${wrap(item.words, '  ')}`).join('\n\n')}`
      : null,
    `--\n${wrap(drill ? PRACTISING : `You get this because you asked ${nameOf(site)} for updates.`)}`,
    drill ? null : link('Change what you get', slot('manage_url')),
    drill ? null : link('Unsubscribe', slot('unsubscribe_url')),
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
export function nameOf(site: MailSite): string {
  const name = oneLine(site.name);
  return /\bstatus\b/i.test(name) ? name : `${name} status`.trim();
}

export function hostOf(site: MailSite): string {
  return new URL(site.url).hostname;
}
