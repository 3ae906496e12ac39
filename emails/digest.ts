import { type AnyStatus, type IncidentKind, isOver, STATUS_LABELS } from '#domain/status.ts';
import { dateTimeText, durationText, type Instant, msBetween, whenText } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import * as compiled from './compiled.ts';
import { LOOK_OF_STATUS } from './looks.ts';
import { blocks, link, wrap } from './plain.ts';
import { clip, excerpt, oneLine, proseText, proseWithin } from './prose.ts';
import { MAX_HTML_BYTES, nameOf, type Rendered, standardHeaders } from './render.ts';
import { fillTemplate, parseTemplate, slot, withoutControls } from './template.ts';
import type { MailSite } from './update.ts';

const TEMPLATE = parseTemplate(compiled.digest);
/** What is longer is read on the page. */
const MAX_STORIES = 30;
const MAX_BEFORE = 4;

/** What happened to one incident or maintenance since the last digest. */
export type DigestStory = {
  id: string;
  kind: IncidentKind;
  title: string;
  scope: string | null;
  startedAt: Instant;
  /** How it stands now, and since when it is over. */
  status: AnyStatus;
  resolvedAt: Instant | null;
  /** What is promised of it; null when nothing is. */
  nextUpdateBy: Instant | null;
  /** What its reader missed, the newest first. */
  said: readonly { status: AnyStatus; body: string; postedAt: Instant }[];
};

export type DigestMail = {
  /** Its times are in the reader's zone. */
  site: MailSite;
  from: Instant;
  to: Instant;
  stories: readonly DigestStory[];
};

/** One mail with everything that its readers missed; needs the slots `manage_url` and `unsubscribe_url`. */
export function renderDigestMail({ site, from, to, stories }: DigestMail): Rendered {
  const shown = stories.slice(0, MAX_STORIES).map((story) => storyOf(site, story, to));
  const open = stories.filter(({ status }) => !isOver(status)).length;
  const heading = open
    ? `${stories.length === 1 ? 'One thing' : `${stories.length} things`} happened, ${open === stories.length ? (open === 1 ? 'and it goes on' : 'and all go on') : `${open} of them ${open === 1 ? 'goes' : 'go'} on`}`
    : stories.length === 1
      ? 'One thing happened, and it is over'
      : `${stories.length} things happened, and all are over`;
  const span = `From ${dateTimeText(from, site.timeZone)} to ${dateTimeText(to, site.timeZone)}`;
  const room = Math.floor((MAX_HTML_BYTES - 20_000) / Math.max(1, shown.length)) - 2_500;
  return {
    subject: `${nameOf(site)}: ${heading.charAt(0).toLowerCase()}${heading.slice(1)}`,
    html: fillTemplate(TEMPLATE, {
      heading,
      preheader: shown
        .map(({ title, line }) => `${title}: ${line}`)
        .join('. ')
        .slice(0, 200),
      site_name: nameOf(site),
      site_url: site.url,
      span,
      stories: shown.map((story) => ({
        title: story.title,
        story_url: story.url,
        status: STATUS_LABELS[story.status],
        status_class: LOOK_OF_STATUS[story.status].className,
        status_colour: LOOK_OF_STATUS[story.status].colour,
        posted: story.when,
        said: story.newest
          ? { body_html: proseWithin(withoutControls(story.newest.body), Math.max(400, room)).html }
          : null,
        promise: story.nextBy === null ? null : { by: story.nextBy },
        before: story.before.map((item) => ({
          status: STATUS_LABELS[item.status],
          status_class: LOOK_OF_STATUS[item.status].className,
          status_colour: LOOK_OF_STATUS[item.status].colour,
          posted: item.when,
          words: item.words,
        })),
      })),
      manage_url: slot('manage_url'),
      unsubscribe_url: slot('unsubscribe_url'),
    }),
    text: blocks(
      `${nameOf(site)}\n${span}`,
      wrap(heading),
      ...shown.map(
        (story) =>
          `${wrap(`${story.title}: ${story.line}`)}${story.newest ? `\n${wrap(proseText(withoutControls(story.newest.body)), '  ')}` : ''}${story.nextBy === null ? '' : `\n  Next update by ${story.nextBy}`}${story.before
            .map((item) => `\n${wrap(`${STATUS_LABELS[item.status]}, ${item.when}: ${item.words}`, '  ')}`)
            .join('')}\n${story.url}`,
      ),
      link('Change what you get', slot('manage_url')),
      link('Unsubscribe', slot('unsubscribe_url')),
    ),
    headers: standardHeaders(site, 'digest'),
  };
}

/** What is over is one line: when, and for how long. */
function storyOf(site: MailSite, story: DigestStory, now: Instant) {
  const at = (instant: Instant) => whenText(instant, site.timeZone, now);
  const title = titleWithScope(
    clip(oneLine(story.title), 200),
    story.scope && clip(oneLine(story.scope), 100),
  );
  const url = `${site.url}/${story.kind === 'maintenance' ? 'maintenance' : 'incidents'}/${encodeURIComponent(story.id)}`;
  if (isOver(story.status)) {
    const ended = story.resolvedAt ?? now;
    const lasted =
      story.startedAt < ended ? `, after ${durationText(msBetween(story.startedAt, ended))}` : '';
    const when = `${at(ended)}${lasted}`;
    return {
      title,
      url,
      status: story.status,
      when,
      line: `${STATUS_LABELS[story.status]}, ${when}`,
      newest: null,
      nextBy: null,
      before: [],
    };
  }
  const [newest = null, ...before] = story.said;
  const when = newest ? at(newest.postedAt) : '';
  return {
    title,
    url,
    status: story.status,
    when,
    line: `${STATUS_LABELS[story.status]}, ${when}`,
    newest,
    // A promise that has passed by now is none.
    nextBy: story.nextUpdateBy && story.nextUpdateBy > now ? at(story.nextUpdateBy) : null,
    before: before
      .slice(0, MAX_BEFORE)
      .map((item) => ({ status: item.status, when: at(item.postedAt), words: excerpt(item.body, 200) })),
  };
}
