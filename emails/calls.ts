import type { Call } from '#domain/calls.ts';
import type { Severity } from '#domain/severity.ts';
import { dateTimeText, durationText, type Instant, msBetween, whenText } from '#domain/time.ts';
import * as compiled from './compiled.ts';
import { blocks, link, wrap } from './plain.ts';
import { clip, oneLine, proseText, proseWithin } from './prose.ts';
import { nameOf, type Rendered, standardHeaders } from './render.ts';
import { fillTemplate, parseTemplate, withoutControls } from './template.ts';
import type { MailSite } from './update.ts';

const TEMPLATE = parseTemplate(compiled.call);
const MAX_SAID = 20_000;

/** A call to staff: what is awaited of them, by when, and one way to do it. */
export type CallMail = {
  site: MailSite;
  call: Pick<Call, 'clock' | 'kind' | 'due'>;
  incident: { id: string; title: string; severity: Severity; declaredAt: Instant; published: boolean };
  /** Roles that nobody has, in words; only a call about them says so. */
  missing: readonly string[];
  /** Everyone who is called now, so that each knows who else is. */
  called: readonly string[];
  /** The last word that was said in public; null before the first. */
  said: { body: string; postedAt: Instant } | null;
  now: Instant;
};

/** One mail to everyone who is called. Times are absolute: a mail may be read long after it was written. */
export function renderCallMail(mail: CallMail): Rendered {
  const { site, incident, said, now } = mail;
  const title = clip(oneLine(withoutControls(incident.title)), 120);
  const { subject, words, deed, path } = wordsOf(mail);
  const url = `${site.url}/admin/incidents/${incident.id}${path}`;
  const called = mail.called.map((name) => oneLine(withoutControls(name)));
  const after = `${called.length > 1 ? `Called now: ${called.join(', ')}. ` : ''}Say “I have it” there, and nobody else is called for a quarter of an hour.`;
  const lines = [`${incident.severity}: ${title}`, ...words];
  const quoted = said && {
    when: `Said last, ${whenText(said.postedAt, site.timeZone, now)}`,
    body: said.body,
  };
  return {
    subject: `[${incident.severity}] ${subject}: ${title}`,
    html: fillTemplate(TEMPLATE, {
      heading: subject,
      preheader: lines.join(' '),
      site_name: nameOf(site),
      site_url: site.url,
      words: lines.map((line) => ({ line })),
      deed,
      deed_url: url,
      said: quoted && {
        when: quoted.when,
        body_html: proseWithin(withoutControls(quoted.body), MAX_SAID).html,
      },
      after,
    }),
    text: blocks(
      wrap(subject),
      ...lines.map((line) => wrap(line)),
      link(deed, url),
      quoted && `${quoted.when}\n${wrap(proseText(withoutControls(quoted.body)), '  ')}`,
      wrap(after),
    ),
    headers: {
      ...standardHeaders(site, 'call', incident.id),
      // What mail programs and telephones let through at night.
      Importance: 'high',
      'X-Priority': '1',
    },
  };
}

type Words = { subject: string; words: string[]; deed: string; path: '' | '/next' };

function wordsOf({ site, call, incident, missing, now }: CallMail): Words {
  const due = whenText(call.due, site.timeZone, now);
  const open = `Declared ${dateTimeText(incident.declaredAt, site.timeZone)}.`;
  switch (call.clock) {
    case 'roles':
      return {
        subject: `Nobody is ${missing.join(' or ')}`,
        words: [
          open,
          'Give each role to someone, or take it yourself, so that everyone knows who decides and who speaks.',
        ],
        deed: 'Give the roles',
        path: '',
      };
    case 'pace':
      return {
        subject: `Open for ${durationText(msBetween(incident.declaredAt, now))}`,
        words: [
          open,
          'Can the team keep its pace? State a slower one, with the reason, and visitors are told when to come back.',
        ],
        deed: 'State the pace',
        path: '',
      };
    case 'internal':
      return {
        ...awaited('internal update', call.kind, due),
        words: [wordOn(call.kind, 'people inside', due), open],
        path: '',
      };
    default: {
      const what = incident.published ? 'public update' : 'first public update';
      return {
        ...awaited(what, call.kind, due),
        words: [wordOn(call.kind, 'visitors', due), open],
        path: '/next',
      };
    }
  }
}

function awaited(what: string, kind: Call['kind'], due: string): Pick<Words, 'subject' | 'deed'> {
  const subject =
    kind === 'late'
      ? `Late: ${what} was due ${due}`
      : `${what.charAt(0).toUpperCase()}${what.slice(1)} due ${kind === 'due' ? `now, ${due}` : `by ${due}`}`;
  return { subject, deed: what === 'internal update' ? 'Write it' : 'Post it, or say “I have it”' };
}

function wordOn(kind: Call['kind'], readers: string, due: string): string {
  if (kind === 'late') return `The next word to ${readers} was promised for ${due} and has not come.`;
  if (kind === 'due') return `The next word to ${readers} is due now, at ${due}.`;
  return `The next word to ${readers} is due by ${due}.`;
}
