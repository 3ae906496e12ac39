import type { Severity } from '#domain/severity.ts';
import { type AnyStatus, type ComponentStatus, isOver, STATUS_LABELS } from '#domain/status.ts';
import { dateTimeText, durationText, type Instant, msBetween, rangeText, whenText } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import * as compiled from './compiled.ts';
import { LOOK_OF_COMPONENT, LOOK_OF_STATUS } from './looks.ts';
import { blocks, columns, link, wrap } from './plain.ts';
import { clip, oneLine, plainLines, proseText, proseWithin } from './prose.ts';
import { cleaned, hostOf, lookValues, nameOf, type Rendered, standardHeaders } from './render.ts';
import { fillTemplate, parseTemplate, type Values } from './template.ts';
import { CALLED_OFF, type MailSite } from './update.ts';

const TEMPLATE = parseTemplate(compiled.stakeholder);
const MAX_NEWS = 20_000;
const MAX_ITEM = 6_000;
const MAX_FACT = 1_000;
const MAX_COMPONENTS = 20;

/** Something that was said, inside or in public. */
export type Said = { status: AnyStatus; inside: boolean; author: string; body: string; postedAt: Instant };

/** A mail to an audience, or to accounts with the same contact. Whoever makes it leaves out what its readers may not know. */
export type StakeholderMail = {
  site: MailSite;
  incident: {
    id: string;
    title: string;
    scope: string | null;
    status: AnyStatus;
    startedAt: Instant;
    /** null for readers outside. */
    severity: Severity | null;
    /** Visitors can see it. */
    published: boolean;
    /** When planned work takes place; null of an incident. */
    window: { from: Instant; until: Instant } | null;
    /** It does not take place after all. */
    calledOff: boolean;
  };
  /** Their own first line. */
  intro: string | null;
  /** What has happened to the incident, in a sentence; null when the news says it. */
  lead: string | null;
  /** What is said now; null when nothing is. */
  news: Said | null;
  /** Said before the news, the newest first; `whole` in full, because they have not been told. */
  earlier: readonly (Said & { whole: boolean })[];
  facts: readonly { label: string; text: string }[];
  promises: readonly { words: string; by: Instant }[];
  components: readonly { name: string; status: ComponentStatus }[];
  /** "Your components", for accounts. */
  componentsTitle: string;
  /** One of us in whose name it is; answers go there. */
  signature: { name: string; address: string } | null;
  /** Why they get it. */
  why: string;
  /** What the subject says before the title; the status when left out. */
  mark: string | null;
  now: Instant;
};

/** Rendered once for everyone whose content is the same; it has no personal links. */
export function renderStakeholderMail(input: StakeholderMail): Rendered {
  const mail = cleaned(input);
  const { site, incident, signature } = mail;
  const label = labelOfStatus(incident);
  const heading = headingOf(mail);
  const root = `<audience-${incident.id.replace(/[^a-z0-9_-]/gi, '')}@${hostOf(site)}>`;
  const severity = incident.severity ? [incident.severity] : [];
  return {
    subject: `[${[...severity, mail.mark ?? label].join(', ')}] ${heading}`,
    html: fillTemplate(TEMPLATE, valuesOf(mail)),
    text: textOf(mail),
    headers: {
      ...standardHeaders(site, 'stakeholder', incident.id),
      // One thread an incident, apart from that of the public mail: what is inside must not be answered into it.
      References: root,
      'In-Reply-To': root,
      ...(signature && { 'Reply-To': mailbox(signature) }),
      ...(incident.severity === 'SEV1' && !isOver(incident.status) && { Importance: 'high' }),
    },
  };
}

/** As a header may hold it: a name that needs more than plain words is quoted. */
function mailbox({ name, address }: { name: string; address: string }): string {
  const plain = oneLine(name).replace(/["\\<>]/g, '');
  return plain ? `"${plain}" <${address}>` : address;
}

function headingOf({ incident }: StakeholderMail): string {
  return titleWithScope(
    clip(oneLine(incident.title), 200),
    incident.scope && clip(oneLine(incident.scope), 100),
  );
}

function statusOf({ incident }: StakeholderMail): string {
  return [...(incident.severity ? [incident.severity] : []), labelOfStatus(incident)].join(', ');
}

export function labelOfStatus({
  status,
  calledOff,
}: Pick<StakeholderMail['incident'], 'status' | 'calledOff'>): string {
  return calledOff ? CALLED_OFF : STATUS_LABELS[status];
}

function sinceOf({ site, incident, now }: StakeholderMail): string {
  if (incident.window) return rangeText(incident.window.from, incident.window.until, site.timeZone);
  if (!isOver(incident.status)) return `Since ${whenText(incident.startedAt, site.timeZone, now)}`;
  const lasted = durationText(msBetween(incident.startedAt, now));
  return `${rangeText(incident.startedAt, now, site.timeZone, now)}, ${lasted}`;
}

/** "Said in public by Mia, 14:20 UTC"; to readers outside nobody is named, and all of it is public. */
function labelOf({ site, incident, now }: StakeholderMail, said: Said): string | null {
  const when = whenText(said.postedAt, site.timeZone, now);
  if (incident.severity === null) return null;
  return `Said ${said.inside ? 'inside' : 'in public'} by ${clip(oneLine(said.author), 80)}, ${when}`;
}

function earlierOf(mail: StakeholderMail) {
  const { site, now } = mail;
  return mail.earlier.map((said) => ({
    status: STATUS_LABELS[said.status],
    look: LOOK_OF_STATUS[said.status],
    posted: `${said.inside ? 'inside, ' : ''}${whenText(said.postedAt, site.timeZone, now)}`,
    body: said.whole ? said.body : clip(oneLine(said.body), 280),
  }));
}

function earlierTitle({ earlier }: StakeholderMail): string {
  return earlier.some(({ whole }) => whole) ? 'So far' : 'Earlier';
}

function factsOf({ facts }: StakeholderMail) {
  return facts.map(({ label, text }) => ({ label, text: clip(text.trim(), MAX_FACT) }));
}

function promisesOf({ site, promises, now }: StakeholderMail) {
  return promises.map(({ words, by }) => ({ words, by: whenText(by, site.timeZone, now) }));
}

function linksOf({ site, incident }: StakeholderMail): { words: string; url: string }[] {
  const id = encodeURIComponent(incident.id);
  const page = `${site.url}/${incident.window ? 'maintenance' : 'incidents'}/${id}`;
  if (incident.severity === null) return [{ words: 'Follow it on the status page', url: page }];
  return [
    ...(incident.published ? [{ words: 'What the public reads', url: page }] : []),
    { words: 'The incident, for those who can sign in', url: `${site.url}/admin/incidents/${id}` },
  ];
}

function valuesOf(mail: StakeholderMail): Values {
  const { site, incident, news, components, signature } = mail;
  const earlier = earlierOf(mail);
  const promises = promisesOf(mail);
  const rest = components.length - MAX_COMPONENTS;
  return {
    heading: headingOf(mail),
    preheader: [mail.lead, news && clip(oneLine(proseText(news.body)), 110), sinceOf(mail)]
      .filter(Boolean)
      .join(' '),
    site_name: nameOf(site),
    site_url: site.url,
    status: statusOf(mail),
    ...lookValues(LOOK_OF_STATUS[incident.status]),
    posted: dateTimeText(mail.now, site.timeZone),
    since: sinceOf(mail),
    intro: mail.intro ? { line: mail.intro } : null,
    lead: mail.lead ? { line: mail.lead } : null,
    news: news && {
      by: labelOf(mail, news) === null ? null : { label: labelOf(mail, news) as string },
      body_html: proseWithin(news.body, MAX_NEWS).html,
    },
    facts: factsOf(mail).map(({ label, text }) => ({ label, text_html: plainLines(text) })),
    promises: promises.length ? { each: promises } : null,
    components: components.length
      ? {
          title: mail.componentsTitle,
          rows: components.slice(0, MAX_COMPONENTS).map(({ name, status }) => ({
            name: clip(oneLine(name), 100),
            status: LOOK_OF_COMPONENT[status].word,
            ...lookValues(LOOK_OF_COMPONENT[status]),
          })),
          more: rest > 0 ? { count: `and ${rest} more` } : null,
        }
      : null,
    links: linksOf(mail),
    earlier: earlier.length
      ? {
          title: earlierTitle(mail),
          items: earlier.map(({ look, body, status, posted }) => ({
            status,
            posted,
            status_class: look.className,
            status_colour: look.colour,
            body_html: proseWithin(body, MAX_ITEM).html,
          })),
        }
      : null,
    signature: signature && { name: oneLine(signature.name) },
    why: mail.why,
  };
}

function textOf(mail: StakeholderMail): string {
  const { site, news, components, signature } = mail;
  const earlier = earlierOf(mail);
  const promises = promisesOf(mail);
  return blocks(
    `${nameOf(site)}\n${dateTimeText(mail.now, site.timeZone)}`,
    `${wrap(`${statusOf(mail)}: ${headingOf(mail)}`)}\n${sinceOf(mail)}`,
    mail.intro && wrap(mail.intro),
    mail.lead && wrap(mail.lead),
    news &&
      [labelOf(mail, news), proseText(clip(news.body, MAX_NEWS))]
        .filter((part) => part !== null)
        .map((part) => wrap(part))
        .join('\n'),
    ...factsOf(mail).map(({ label, text }) => `${label}\n${wrap(text, '  ')}`),
    promises.map(({ words, by }) => `${words} ${by}`).join('\n'),
    components.length
      ? `${mail.componentsTitle}\n${columns(
          components.slice(0, MAX_COMPONENTS).map(({ name, status }) => ({
            left: clip(oneLine(name), 50),
            right: LOOK_OF_COMPONENT[status].word,
          })),
        )}${components.length > MAX_COMPONENTS ? `\n  and ${components.length - MAX_COMPONENTS} more` : ''}`
      : null,
    ...linksOf(mail).map(({ words, url }) => link(words, url)),
    earlier.length
      ? `${earlierTitle(mail)}\n${earlier
          .map(({ status, posted, body }) => `  ${status}, ${posted}\n${wrap(proseText(body), '  ')}`)
          .join('\n\n')}`
      : null,
    signature && `${oneLine(signature.name)}\nAnswer this mail, and it reaches me.`,
    `--\n${wrap(mail.why)}`,
  );
}
