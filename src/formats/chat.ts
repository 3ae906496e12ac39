import type { ComponentStatus } from '#domain/status.ts';

/** What a chat is told of an update, in words alone: nothing in it is markup yet. */
export type ChatNews = {
  site: string;
  /** "Investigating: Checkout is failing" */
  heading: string;
  /** How bad it is, for the colour beside the words. */
  tone: 'bad' | 'watch' | 'planned' | 'over';
  /** The update's own text. */
  body: string;
  facts: readonly { label: string; text: string }[];
  /** "Next update by 15:30 UTC"; null when none is promised. */
  promise: string | null;
  components: readonly { name: string; status: ComponentStatus; words: string }[];
  /** What its readers were not told when it was said, the newest first: "Identified, 14:05 UTC" and all of its text. */
  missed?: { title: string; items: readonly { label: string; text: string }[] };
  link: { words: string; url: string };
};

const COLOURS: Record<ChatNews['tone'], string> = {
  bad: '#b3261e',
  watch: '#9a6700',
  planned: '#1f5fbf',
  over: '#1a7f37',
};
const MAX_COMPONENTS = 20;
const MAX_MISSED = 10;
/** Stands where some of that is left out. */
const REST = 'The link below leads to the rest.';
/** Teams takes 28 KB; what lies between a workflow and the chat adds its own. */
const TEAMS_BYTES = 24_000;
/** Kept of these for what was missed, when the update's own text would take all. */
const TEAMS_MISSED_BYTES = 6_000;
/** Discord takes 6,000 characters in all. */
const DISCORD_CHARACTERS = 5_900;

/**
 * Slack's incoming webhooks (Block Kit). Typed text stands in `plain_text` objects, where nothing is markup, a mention or a link.
 * `text` is what notifications say, and shown nowhere else beside `blocks`: it has `&`, `<` and `>` escaped, which is all that Slack
 * reads there. Attachments would give a colour, but Slack may fold them away.
 */
export function slackMessage(news: ChatNews): Record<string, unknown> {
  const plain = (text: string, max: number) => ({ type: 'plain_text', text: clip(text, max), emoji: false });
  const section = (text: string, max: number) => ({ type: 'section', text: plain(text, max) });
  const missed = missedOf(news);
  return {
    text: slackEscape(clip(`${news.heading}. ${oneLine(news.body)}`, 500)),
    mrkdwn: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: plain(oneLine(news.heading), 150) },
      ...(news.body.trim() ? [section(news.body, 3_000)] : []),
      ...news.facts.map(({ label, text }) => section(`${label}: ${text}`, 1_500)),
      ...(news.components.length ? [section(componentLines(news).join('\n'), 3_000)] : []),
      ...(news.promise ? [section(news.promise, 300)] : []),
      ...(missed ? [section(missed.title, 100)] : []),
      ...(missed?.items.map(({ label, text }) => section(`${label}\n${text}`, 1_500)) ?? []),
      ...(missed?.isCut ? [section(REST, 100)] : []),
      // Our own words around our own address.
      {
        type: 'section',
        text: { type: 'mrkdwn', text: `<${slackEscape(news.link.url)}|${slackEscape(news.link.words)}>` },
      },
      ...(news.site.trim() ? [{ type: 'context', elements: [plain(news.site, 300)] }] : []),
    ],
  };
}

/**
 * An Adaptive Card as a Teams workflow ("when a webhook request is received") posts it. Typed text stands in text runs, of which
 * Markdown is no part; a mention would need an entity beside it, and there are none. Where all of it would be more than Teams takes,
 * the update's own text is cut: the page has it whole.
 */
export function teamsMessage(news: ChatNews): Record<string, unknown> {
  const tones = { bad: 'attention', watch: 'warning', planned: 'accent', over: 'good' } as const;
  const heading = clip(oneLine(news.heading), 250);
  const message = (body: readonly TextBlock[], missed: readonly TextBlock[]) => ({
    type: 'message',
    summary: heading,
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          fallbackText: heading,
          body: [
            ...textBlocks(heading, { size: 'Large', weight: 'Bolder', color: tones[news.tone] }),
            ...body,
            ...news.facts.flatMap(({ label, text }) => textBlocks(clip(oneLine(`${label}: ${text}`), 400))),
            ...componentLines(news).flatMap((line) =>
              textBlocks(clip(oneLine(line), 120), { isSubtle: true }),
            ),
            ...textBlocks(clip(oneLine(news.promise ?? ''), 200), { weight: 'Bolder' }),
            ...missed,
            ...textBlocks(clip(oneLine(news.site), 200), { isSubtle: true, size: 'Small' }),
          ],
          actions: [{ type: 'Action.OpenUrl', title: news.link.words, url: news.link.url }],
        },
      },
    ],
  });
  const room = TEAMS_BYTES - bytesOf(message([], []));
  const missed = missedBlocks(news);
  // With the ellipsis that it is given room for, whether there is one or not.
  const forMissed = missed.length
    ? Math.min(TEAMS_MISSED_BYTES, bytesOf([...missed, ...textBlocks('…')]))
    : 0;
  const body = fitting(textBlocks(news.body), room - forMissed);
  return message(body, fitting(missed, room - bytesOf(body)));
}

function missedBlocks(news: ChatNews): TextBlock[] {
  const missed = missedOf(news);
  if (!missed) return [];
  return [
    ...textBlocks(missed.title, { size: 'Medium', weight: 'Bolder' }),
    ...missed.items.flatMap(({ label, text }) => [
      ...textBlocks(label, { weight: 'Bolder' }),
      ...textBlocks(text),
    ]),
    ...(missed.isCut ? textBlocks(REST) : []),
  ];
}

type TextBlock = { type: 'RichTextBlock'; inlines: [{ type: 'TextRun'; text: string }] };

/** A block for each line that says something. */
function textBlocks(text: string, look: Record<string, unknown> = {}): TextBlock[] {
  return text
    .split('\n')
    .filter((line) => line.trim())
    .map((line) => ({ type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: line, ...look }] }));
}

/** As many blocks from the beginning as find room in so many bytes of JSON; an ellipsis says that there was more. */
function fitting(blocks: readonly TextBlock[], bytes: number): TextBlock[] {
  const taken: TextBlock[] = [];
  const [more] = textBlocks('…') as [TextBlock];
  // Each is followed by a comma.
  let room = bytes - bytesOf(more) - 1;
  for (const block of blocks) {
    const size = bytesOf(block) + 1;
    if (size <= room) {
      room -= size;
      taken.push(block);
      continue;
    }
    const [{ text }] = block.inlines;
    // Of the line that is too long, the part that surely fits: a character is written in at most six bytes.
    const part = clip(text, Math.max(0, Math.floor((room - bytesOf(more)) / 6)));
    return [...taken, ...(part.length > 20 ? textBlocks(part) : [more])];
  }
  return taken;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** Discord's webhooks: one embed. `allowed_mentions` lets nothing ping anyone, and what would be Markdown is escaped. */
export function discordMessage(news: ChatNews): Record<string, unknown> {
  let left = DISCORD_CHARACTERS;
  // What is asked for first finds room first.
  const words = (text: string, max: number) => {
    const fitted = clipEscaped(text, Math.min(max, left));
    left -= fitted.length;
    return fitted;
  };
  const field = (name: string, text: string, max: number) => {
    if (left < name.length + 20) return [];
    left -= name.length;
    return [{ name, value: words(text, max) }];
  };
  const title = words(news.heading, 256);
  const footer = words(news.site, 200);
  const description = words(news.body, 3_000);
  const promise = news.promise ? field('What comes next', news.promise, 200) : [];
  const components = news.components.length
    ? field('Components', componentLines(news).join('\n'), 1_000)
    : [];
  const facts = news.facts.slice(0, 5).flatMap((fact) => field(fact.label, fact.text, 400));
  const missed = missedOf(news);
  const earlier = missed?.items.flatMap((one) => field(`${missed.title}: ${one.label}`, one.text, 1_000));
  return {
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title,
        url: news.link.url,
        color: Number.parseInt(COLOURS[news.tone].slice(1), 16),
        description,
        fields: [...facts, ...components, ...promise, ...(earlier ?? [])],
        footer: { text: footer },
      },
    ],
  };
}

function missedOf({ missed }: ChatNews) {
  if (!missed?.items.length) return null;
  const { title, items } = missed;
  // Chats refuse empty texts.
  const said = items.slice(0, MAX_MISSED).filter(({ text }) => text.trim());
  return { title, items: said, isCut: items.length > MAX_MISSED };
}

function componentLines({ components }: ChatNews): string[] {
  const lines = components.slice(0, MAX_COMPONENTS).map(({ name, words }) => `${name}: ${words}`);
  const more = components.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more, on the page`] : lines;
}

function slackEscape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * A backslash before every character that Markdown, a mention, a time stamp or an emoji could begin with. An address stays one, so
 * there such characters are written as the percent codes that mean the same.
 */
function discordEscape(text: string): string {
  return text
    .split(/(https?:\/\/[^\s<>]+)/)
    .map((part, index) =>
      index % 2
        ? part.replace(/[^A-Za-z0-9\-.:/?#&=%+,;!$']/g, (character) => encodeCharacter(character))
        : part.replace(/[\\*_~`|<>@#:[\](){}\-+.!]/g, '\\$&'),
    )
    .join('');
}

function encodeCharacter(character: string): string {
  return [...new TextEncoder().encode(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

/** The longest beginning whose escaped form fits, so that no escape is cut in two. */
function clipEscaped(text: string, max: number): string {
  let room = max;
  let escaped = discordEscape(clip(text, room));
  while (escaped.length > max) {
    room = Math.floor(room * Math.min(0.9, max / escaped.length));
    escaped = discordEscape(clip(text, room));
  }
  return escaped;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** At most `max` characters, with an ellipsis where some are left out; never half a character. */
function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  if (max < 1) return '';
  return `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
