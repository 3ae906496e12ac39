import type { Call } from '#domain/calls.ts';
import type { Severity } from '#domain/severity.ts';
import { namesInWords } from '#domain/templates.ts';
import { durationText, type Instant, msBetween, whenText } from '#domain/time.ts';
import * as compiled from './compiled.ts';
import { drillText, drillValue, withDrill } from './drill.ts';
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
  incident: {
    id: string;
    title: string;
    severity: Severity;
    declaredAt: Instant;
    published: boolean;
    drill: boolean;
  };
  /** Roles that nobody has, in words; only a call about them says so. */
  missing: readonly string[];
  /** The next public word is written: by whom, since when it waits, and for which approvers; null when none waits. */
  waiting: { by: string; since: Instant; for: readonly string[] } | null;
  /** Everyone who is called now, so that each knows who else is. */
  called: readonly string[];
  /** Those who come before them in the chain and whom mail does not reach. */
  away: readonly string[];
  /** The last word that was said in public; null before the first. */
  said: { body: string; postedAt: Instant } | null;
  now: Instant;
};

/** What a call says, in pieces: one line each, with nothing in them that a reader's program could take for more than words. */
export type CallWords = {
  /** "Late: first public update was due 14:05 UTC" */
  subject: string;
  title: string;
  /** What is awaited, and since when it is open. */
  words: string;
  /** Who else is called; null when nobody is. */
  together: string | null;
  deed: string;
  url: string;
  called: string[];
};

export function callWords(mail: CallMail): CallWords {
  const { site, incident, now } = mail;
  const { subject, words, deed, at, path } = wordsOf(mail);
  const called = mail.called.map((name) => oneLine(withoutControls(name)));
  return {
    subject,
    title: clip(oneLine(withoutControls(incident.title)), 120),
    words: `${words} Open since ${whenText(incident.declaredAt, site.timeZone, now)}.`,
    together: called.length > 1 ? `Called now: ${called.join(', ')}.` : null,
    deed,
    url: `${site.url}/admin${path ?? `/incidents/${incident.id}${at}`}`,
    called,
  };
}

/** One mail to everyone who is called. Times are absolute: a mail may be read long after it was written. */
export function renderCallMail(mail: CallMail): Rendered {
  const { site, incident, said, now } = mail;
  const { subject, title, words, together, deed, url } = callWords(mail);
  const { canHave } = wordsOf(mail);
  const away = mail.away.map((name) => oneLine(withoutControls(name)));
  const after = [
    away.length > 0 && `Mail to ${namesInWords(away)} does not arrive, so you are called.`,
    together,
    canHave && 'Say “I have it” there, and nobody else is called for a quarter of an hour.',
  ]
    .filter(Boolean)
    .join(' ');
  const lines = [`${incident.severity}: ${title}`, words];
  const quoted = said && {
    when: `Said last, ${whenText(said.postedAt, site.timeZone, now)}`,
    body: said.body,
  };
  return {
    subject: withDrill(`[${incident.severity}] ${subject}: ${title}`, incident.drill),
    html: fillTemplate(TEMPLATE, {
      drill: drillValue(incident.drill),
      heading: subject,
      preheader: lines.join('. '),
      site_name: nameOf(site),
      site_url: site.url,
      words: lines.map((line) => ({ line })),
      deed,
      deed_url: url,
      said: quoted && {
        when: quoted.when,
        body_html: proseWithin(withoutControls(quoted.body), MAX_SAID).html,
      },
      after: after ? { line: after } : null,
    }),
    text: blocks(
      drillText(incident.drill),
      wrap(subject),
      ...lines.map((line) => wrap(line)),
      link(deed, url),
      quoted && `${quoted.when}\n${wrap(proseText(withoutControls(quoted.body)), '  ')}`,
      after && wrap(after),
    ),
    headers: {
      ...standardHeaders(site, 'call', incident.id),
      // What mail programs and telephones let through at night.
      Importance: 'high',
      'X-Priority': '1',
    },
  };
}

type Words = {
  subject: string;
  words: string;
  deed: string;
  /** Where on the incident's screen it is done. */
  at?: string;
  /** Where else in the admin. */
  path?: string;
  /** Whether the screen behind the link takes "I have it". */
  canHave: boolean;
};

function wordsOf({ site, call, incident, missing, waiting, now }: CallMail): Words {
  const due = whenText(call.due, site.timeZone, now);
  switch (call.clock) {
    case 'roles':
      return {
        subject: `Nobody is ${missing.join(' or ')}`,
        words:
          'Give each role to someone, or take it yourself: then everyone knows who decides and who speaks.',
        deed: 'Give the roles',
        at: '#roles-title',
        canHave: false,
      };
    case 'pace':
      return {
        subject: `Open for ${durationText(msBetween(incident.declaredAt, now))}`,
        words:
          'Can the team keep its pace? State a slower one, with the reason, and visitors are told when to come back.',
        deed: 'State the pace',
        at: '#pace-title',
        canHave: false,
      };
    case 'answer':
      return {
        subject: 'Nobody has taken it up',
        words:
          'It could wait for this business day. Take a role in it, or post what is known, inside or in public: either tells everyone that someone looks after it.',
        deed: 'Take it up',
        at: '',
        canHave: false,
      };
    case 'internal':
      return {
        subject: awaited('internal update', call.kind, due),
        words: call.kind === 'late' ? 'Colleagues still wait for it.' : 'Colleagues wait for it.',
        deed: HAVE,
        at: '/next?inside',
        canHave: true,
      };
    case 'mail':
      return {
        subject: 'Mail does not leave',
        words: `News of it waits, as of ${due}. The page shows it; whoever counts on mail has not heard.`,
        deed: 'See why, and what to do',
        path: '/deliveries',
        canHave: false,
      };
    default:
      return {
        subject: awaited(incident.published ? 'public update' : 'first public update', call.kind, due),
        words: [
          incident.published ? promised(call.kind) : 'Visitors have been told nothing yet.',
          waiting && waits(waiting, whenText(waiting.since, site.timeZone, now)),
        ]
          .filter(Boolean)
          .join(' '),
        deed: waiting ? 'See what waits, or say “I have it”' : HAVE,
        at: '/next',
        canHave: true,
      };
  }
}

const HAVE = 'Post it, or say “I have it”';

function awaited(what: string, kind: Call['kind'], due: string): string {
  if (kind === 'late') return `Late: ${what} was due ${due}`;
  return `${what.charAt(0).toUpperCase()}${what.slice(1)} due ${kind === 'due' ? `now, ${due}` : `by ${due}`}`;
}

/** Whoever is called about it is to reach an approver, not to write it once more. */
function waits({ by, for: approvers }: NonNullable<CallMail['waiting']>, since: string): string {
  const [author, ...names] = [by, ...approvers].map((name) => oneLine(withoutControls(name)));
  const whom = new Intl.ListFormat('en', { type: 'disjunction' }).format(names);
  return `${author} wrote it at ${since}, and it waits for ${whom || 'an approver, and there is none'}.`;
}

function promised(kind: Call['kind']): string {
  return kind === 'late'
    ? 'Visitors were promised it, and have heard nothing since.'
    : 'Visitors were promised it.';
}
