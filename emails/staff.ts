import * as compiled from './compiled.ts';
import { drillText, drillValue, withDrill } from './drill.ts';
import { blocks, link, wrap } from './plain.ts';
import { clip, oneLine, proseText, proseWithin } from './prose.ts';
import { nameOf, type Rendered, standardHeaders } from './render.ts';
import { fillTemplate, parseTemplate, withoutControls } from './template.ts';
import type { MailSite } from './update.ts';

const TEMPLATE = parseTemplate(compiled.call);
const MAX_QUOTED = 20_000;

/** Word to some of the staff: what is so, and one place to act on it. */
export type StaffMail = {
  site: MailSite;
  /** What it is about, for the headers by which mail programs sort. */
  about: string;
  subject: string;
  /** Sentences, each a line of its own; names of people and titles may stand in them as they were typed. */
  lines: readonly string[];
  deed: { words: string; url: string };
  /** Markdown that is quoted, and what stands above it. */
  quoted?: { heading: string; body: string } | null;
  after?: string | null;
  /** False for what can wait until morning; true when left out. */
  urgent?: boolean;
  /** About a drill: it says so before anything else. */
  drill?: boolean;
};

/** The same shape as a call (calls.ts), as urgent unless said otherwise, in words of its own. */
export function renderStaffMail({ site, about, deed, quoted, after, ...mail }: StaffMail): Rendered {
  const { drill = false } = mail;
  const plain = (text: string) => oneLine(withoutControls(text));
  const heading = clip(plain(mail.subject), 200);
  const lines = mail.lines.map(plain);
  const body = quoted && withoutControls(quoted.body);
  return {
    subject: withDrill(heading, drill),
    html: fillTemplate(TEMPLATE, {
      drill: drillValue(drill),
      heading,
      preheader: lines.join(' '),
      site_name: nameOf(site),
      site_url: site.url,
      words: lines.map((line) => ({ line })),
      deed: deed.words,
      deed_url: deed.url,
      said: quoted ? { when: quoted.heading, body_html: proseWithin(body ?? '', MAX_QUOTED).html } : null,
      after: after ? { line: plain(after) } : null,
    }),
    text: blocks(
      drillText(drill),
      wrap(heading),
      ...lines.map((line) => wrap(line)),
      link(deed.words, deed.url),
      quoted ? `${quoted.heading}\n${wrap(proseText(body ?? ''), '  ')}` : null,
      after ? wrap(plain(after)) : null,
    ),
    headers: {
      ...standardHeaders(site, 'call', about),
      // What mail programs and telephones let through at night.
      ...((mail.urgent ?? true) && { Importance: 'high', 'X-Priority': '1' }),
    },
  };
}
