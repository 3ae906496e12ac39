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
  link: { words: string; url: string };
};

const COLOURS: Record<ChatNews['tone'], string> = {
  bad: '#b3261e',
  watch: '#9a6700',
  planned: '#1f5fbf',
  over: '#1a7f37',
};
const MAX_COMPONENTS = 20;
/** Teams takes 28 KB; what lies between a workflow and the chat adds its own. */
const TEAMS_BYTES = 24_000;

/**
 * Slack's incoming webhooks (Block Kit). Typed text stands in `plain_text` objects, where nothing is markup, a mention or a link.
 * `text` is what notifications say, and shown nowhere else beside `blocks`: it has `&`, `<` and `>` escaped, which is all that Slack
 * reads there. Attachments would give a colour, but Slack may fold them away.
 */
export function slackMessage(news: ChatNews): Record<string, unknown> {
  const plain = (text: string, max: number) => ({ type: 'plain_text', text: clip(text, max), emoji: false });
  const section = (text: string, max: number) => ({ type: 'section', text: plain(text, max) });
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
  const message = (body: readonly TextBlock[]) => ({
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
            ...textBlocks(clip(oneLine(news.site), 200), { isSubtle: true, size: 'Small' }),
          ],
          actions: [{ type: 'Action.OpenUrl', title: news.link.words, url: news.link.url }],
        },
      },
    ],
  });
  return message(fitting(textBlocks(news.body), TEAMS_BYTES - bytesOf(message([]))));
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
  const words = (text: string, max: number) => clipEscaped(text, max);
  return {
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: words(news.heading, 256),
        url: news.link.url,
        color: Number.parseInt(COLOURS[news.tone].slice(1), 16),
        description: words(news.body, 3_000),
        fields: [
          ...news.facts.slice(0, 5).map((fact) => ({ name: fact.label, value: words(fact.text, 400) })),
          ...(news.components.length
            ? [{ name: 'Components', value: words(componentLines(news).join('\n'), 1_000) }]
            : []),
          ...(news.promise ? [{ name: 'What comes next', value: words(news.promise, 200) }] : []),
        ],
        footer: { text: clip(news.site, 200) },
      },
    ],
  };
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
