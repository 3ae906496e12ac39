import { type AnyStatus, type IncidentKind, isOver } from '#domain/status.ts';
import { type Instant, msBetween } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import type { Words } from '#i18n/words.ts';
import * as compiled from './compiled.ts';
import { inEachLanguage, templateIn } from './languages.ts';
import { LOOK_OF_STATUS } from './looks.ts';
import { blocks, link, wrap } from './plain.ts';
import { clip, excerpt, oneLine, proseText, proseWithin } from './prose.ts';
import { frameOf, MAX_HTML_BYTES, nameOf, type Rendered, standardHeaders, typed } from './render.ts';
import { fillTemplate, slot, withoutControls } from './template.ts';
import type { MailSite } from './update.ts';

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
export function renderDigestMail(mail: DigestMail): Rendered {
  return inEachLanguage(mail.site, (words) => digestIn(mail, words));
}

function digestIn({ site, from, to, stories }: DigestMail, words: Words): Rendered {
  const { mails, pages, say, dateTime } = words;
  const { comma } = pages.time;
  const shown = stories.slice(0, MAX_STORIES).map((story) => storyOf(site, story, to, words));
  const heading = headingOf(stories, words);
  const times = { from: dateTime(from, site.timeZone), to: dateTime(to, site.timeZone) };
  const span = say(mails.digest.span, times);
  const why = say(mails.why, { site: nameOf(site, words) });
  const room = Math.floor((MAX_HTML_BYTES - 20_000) / Math.max(1, shown.length)) - 2_500;
  return {
    subject: `${nameOf(site, words)}: ${heading.charAt(0).toLowerCase()}${heading.slice(1)}`,
    html: fillTemplate(templateIn('digest', compiled.digest, words), {
      ...frameOf(site, words, {
        heading,
        preheader: shown
          .map(({ title, line }) => `${title}: ${line}`)
          .join('. ')
          .slice(0, 200),
      }),
      ...{ why, change: mails.change, leave: mails.unsubscribe },
      span,
      stories: shown.map((story) => ({
        title: story.title,
        story_url: story.url,
        status: pages.status[story.status],
        status_class: LOOK_OF_STATUS[story.status].className,
        status_colour: LOOK_OF_STATUS[story.status].colour,
        posted: story.when,
        said: story.newest
          ? {
              body_html: typed(
                proseWithin(withoutControls(story.newest.body), Math.max(400, room)).html,
                words,
              ),
            }
          : null,
        promise: story.nextBy === null ? null : { words: mails.next, by: story.nextBy },
        before: story.before.map((item) => ({
          status: pages.status[item.status],
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
      `${nameOf(site, words)}\n${span}`,
      wrap(heading),
      ...shown.map(
        (story) =>
          `${wrap(`${story.title}: ${story.line}`)}${story.newest ? `\n${wrap(proseText(withoutControls(story.newest.body)), '  ')}` : ''}${story.nextBy === null ? '' : `\n  ${mails.next} ${story.nextBy}`}${story.before
            .map(
              (item) => `\n${wrap(`${pages.status[item.status]}${comma}${item.when}: ${item.words}`, '  ')}`,
            )
            .join('')}\n${story.url}`,
      ),
      link(mails.change, slot('manage_url')),
      link(mails.unsubscribe, slot('unsubscribe_url')),
    ),
    headers: standardHeaders(site, 'digest'),
  };
}

function headingOf(stories: readonly DigestStory[], { mails, count, say }: Words): string {
  const { heading, happened, allOver, allGoOn, someGoOn } = mails.digest;
  const all = stories.length;
  const open = stories.filter(({ status }) => !isOver(status)).length;
  const rest = open === 0 ? count(allOver, all) : open === all ? count(allGoOn, all) : count(someGoOn, open);
  return say(heading, { happened: count(happened, all), rest });
}

/** What is over is one line: when, and for how long. */
function storyOf(site: MailSite, story: DigestStory, now: Instant, words: Words) {
  const { pages, mails, say } = words;
  const { comma } = pages.time;
  const label = pages.status[story.status];
  const at = (instant: Instant) => words.when(instant, site.timeZone, now);
  const title = titleWithScope(
    clip(oneLine(story.title), 200),
    story.scope && clip(oneLine(story.scope), 100),
  );
  const place = story.kind === 'maintenance' ? 'maintenance' : 'incidents';
  const url = site.url + words.to(`/${place}/${encodeURIComponent(story.id)}`);
  if (isOver(story.status)) {
    const ended = story.resolvedAt ?? now;
    const lasted =
      story.startedAt < ended
        ? comma + say(mails.digest.after, { length: words.length(msBetween(story.startedAt, ended)) })
        : '';
    const when = `${at(ended)}${lasted}`;
    return {
      title,
      url,
      status: story.status,
      when,
      line: `${label}${comma}${when}`,
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
    line: `${label}${comma}${when}`,
    newest,
    // A promise that has passed by now is none.
    nextBy: story.nextUpdateBy && story.nextUpdateBy > now ? at(story.nextUpdateBy) : null,
    before: before
      .slice(0, MAX_BEFORE)
      .map((item) => ({ status: item.status, when: at(item.postedAt), words: excerpt(item.body, 200) })),
  };
}
