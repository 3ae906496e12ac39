import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChatNews, discordMessage, slackMessage, teamsMessage } from '#formats/chat.ts';

const NASTY =
  'Hello <!channel> <@U123> @everyone @here **bold** _it_ ~s~ `code` [evil](https://evil.example) <https://evil.example|click> <at>Ann</at> :smile: ||hidden|| # big\n> quote\n- item\n&lt;';

function news(changes: Partial<ChatNews> = {}): ChatNews {
  return {
    site: 'Harbour',
    heading: 'Investigating: Checkout is failing',
    tone: 'bad',
    body: 'We are looking into it.',
    facts: [{ label: 'Who is affected', text: 'Some customers' }],
    promise: 'Next update by 15:30 UTC',
    components: [{ name: 'Checkout', status: 'major_outage', words: 'Major outage' }],
    link: { words: 'Follow it on the status page', url: 'https://status.example.com/incidents/abc' },
    ...changes,
  };
}
const nasty = (text = NASTY) =>
  news({
    site: text,
    heading: text,
    body: text,
    facts: [{ label: 'Where', text }],
    promise: text,
    components: [{ name: text, status: 'major_outage', words: 'Major outage' }],
    missed: { title: 'What you missed', items: Array.from({ length: 12 }, () => ({ label: text, text })) },
  });
const MISSED: NonNullable<ChatNews['missed']> = {
  title: 'What you missed',
  items: [
    { label: 'Identified, 14:40 UTC', text: 'A certificate has run out.\nWe are renewing it.' },
    { label: 'Investigating, 14:15 UTC', text: 'Payments fail.' },
  ],
};

/** Every text in the tree, with the object that holds it. */
// biome-ignore lint/suspicious/noExplicitAny: it walks whatever the message is
function* texts(value: any, holder: any = null): Generator<[text: string, holder: any, key: string]> {
  for (const [key, inner] of Object.entries(value ?? {}))
    if (typeof inner === 'string') yield [inner, value, key];
    else if (inner && typeof inner === 'object') yield* texts(inner, holder);
}

const length = (message: object) => Buffer.byteLength(JSON.stringify(message));

describe('Slack', () => {
  it('says all of it', () => {
    expect(slackMessage(news())).toMatchSnapshot();
  });

  it('says what was missed after what is new', () => {
    const { blocks } = slackMessage(news({ missed: MISSED })) as { blocks: { text?: { text: string } }[] };
    const said = blocks.map(({ text }) => text?.text);
    expect(said.slice(-5, -2)).toEqual([
      'What you missed',
      'Identified, 14:40 UTC\nA certificate has run out.\nWe are renewing it.',
      'Investigating, 14:15 UTC\nPayments fail.',
    ]);
    expect(said).not.toContain('The link below leads to the rest.');
    expect(JSON.stringify(slackMessage(nasty('x')))).toContain('The link below leads to the rest.');
  });

  it('says nothing twice: beside blocks its text is for notifications alone, and nothing is folded away', () => {
    expect(Object.keys(slackMessage(news())).sort()).toEqual([
      'blocks',
      'mrkdwn',
      'text',
      'unfurl_links',
      'unfurl_media',
    ]);
  });

  it('has typed text where nothing is read into it, and a link of ours alone', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constant(NASTY), fc.string({ unit: 'grapheme' })), (text) => {
        const message = slackMessage(nasty(text));
        for (const [value, holder, key] of texts(message)) {
          if (holder.type === 'mrkdwn')
            expect(value).toBe(
              key === 'type'
                ? 'mrkdwn'
                : '<https://status.example.com/incidents/abc|Follow it on the status page>',
            );
          if (key === 'text' && !holder.type) expect(value).not.toMatch(/[<>]/);
        }
        expect(message).not.toHaveProperty('link_names');
      }),
    );
  });

  it('keeps within what Slack takes', () => {
    // Long, or empty, which Slack takes in no text either.
    for (const text of ['x'.repeat(10_000), '', ' \n ']) {
      const { blocks } = slackMessage({
        ...nasty(text),
        heading: text.trim() || 'Investigating',
        facts: [],
      }) as {
        blocks: { type: string; text?: { text: string }; elements?: { text: string }[] }[];
      };
      for (const { type, text, elements = [] } of blocks)
        for (const one of [...(text ? [text] : []), ...elements]) {
          expect(one.text.length).toBeLessThanOrEqual(type === 'header' ? 150 : 3_000);
          expect(one.text).not.toBe('');
        }
      expect(blocks.length).toBeLessThanOrEqual(50);
    }
  });
});

describe('Teams', () => {
  it('says all of it', () => {
    expect(teamsMessage(news())).toMatchSnapshot();
  });

  it('says what was missed after what is new, and finds room for it beside a long text', () => {
    const textOf = (changes: Partial<ChatNews>) => JSON.stringify(teamsMessage(news(changes)));
    for (const body of ['New.', 'x\n'.repeat(9_000)]) {
      const said = textOf({ body, missed: MISSED });
      expect(said.indexOf('What you missed')).toBeGreaterThan(said.indexOf('Next update by 15:30 UTC'));
      for (const part of ['Identified, 14:40 UTC', 'We are renewing it.', 'Payments fail.'])
        expect(said).toContain(part);
      expect(Buffer.byteLength(said)).toBeLessThan(28_000);
    }
  });

  it('has typed text in text runs alone, which know no Markdown, and mentions nobody', () => {
    const message = teamsMessage(nasty()) as { attachments: { content: { body: { type: string }[] } }[] };
    const { content } = message.attachments[0]!;
    expect(new Set(content.body.map((block) => block.type))).toEqual(new Set(['RichTextBlock']));
    for (const [value, holder, key] of texts(content))
      if (value.includes('@everyone'))
        expect([holder.type, key]).toBeOneOf([
          ['TextRun', 'text'],
          ['AdaptiveCard', 'fallbackText'],
        ]);
    expect(JSON.stringify(message)).not.toContain('"entities"');
  });

  it('keeps within 28 KB, whatever is long: then the end of the update’s own text is left out', () => {
    for (const long of [
      'ü'.repeat(20_000),
      'x\n'.repeat(9_000),
      '\u0001"'.repeat(9_000),
      '😀'.repeat(9_000),
    ]) {
      const many = Array.from({ length: 60 }, () => nasty(long).components[0]!);
      const message = teamsMessage({ ...nasty(long), components: many, promise: 'Next update by 15:30 UTC' });
      expect(length(message)).toBeLessThan(28_000);
      expect(JSON.stringify(message)).toContain('Next update by 15:30 UTC');
      expect(JSON.stringify(message)).toContain('…');
    }
    // What fits is whole.
    const body = `${'word '.repeat(2_500)}end.`;
    expect(JSON.stringify(teamsMessage(news({ body })))).toContain('word end.');
  });
});

describe('Discord', () => {
  it('says all of it', () => {
    expect(discordMessage(news())).toMatchSnapshot();
  });

  it('says what was missed after what is new', () => {
    const { embeds } = discordMessage(news({ missed: MISSED })) as { embeds: { fields: unknown[] }[] };
    expect(embeds[0]!.fields.slice(-2)).toEqual([
      {
        name: 'What you missed: Identified, 14:40 UTC',
        value: 'A certificate has run out\\.\nWe are renewing it\\.',
      },
      { name: 'What you missed: Investigating, 14:15 UTC', value: 'Payments fail\\.' },
    ]);
  });

  it('pings nobody', () => {
    expect(discordMessage(nasty())).toMatchObject({ allowed_mentions: { parse: [] } });
  });

  it('escapes all that Markdown or a mention could begin with, outside and inside of addresses', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constant(NASTY),
          fc.string({ unit: 'grapheme' }),
          fc.string().map((text) => `see https://example.com/${text} or`),
        ),
        (text) => {
          const { embeds } = discordMessage(nasty(text)) as { embeds: { description: string }[] };
          const { description } = embeds[0]!;
          const outside = description.replace(/https?:\/\/[A-Za-z0-9\-.:/?#&=%+,;!$']+/g, '');
          // What is left when every escaped character is taken out has none of them.
          expect(outside.replace(/\\[^A-Za-z0-9\s]/g, '')).not.toMatch(/[\\*_~`|<>@[\]()]/);
        },
      ),
    );
  });

  it('keeps an address an address', () => {
    const { embeds } = discordMessage(news({ body: 'See https://example.com/a_b?c=d*e (or not).' })) as {
      embeds: { description: string }[];
    };
    expect(embeds[0]!.description).toBe('See https://example.com/a%5Fb?c=d%2Ae \\(or not\\)\\.');
  });

  it('keeps within what Discord takes', () => {
    for (const text of ['*'.repeat(10_000), '😀'.repeat(9_000)]) {
      const { embeds } = discordMessage({
        ...nasty(text),
        facts: Array.from({ length: 5 }, () => ({ label: 'What still works', text })),
        missed: {
          title: 'What you missed',
          items: MISSED.items.map(({ label }) => ({ label, text })),
        },
        components: Array.from({ length: 40 }, () => ({
          name: text,
          status: 'major_outage' as const,
          words: 'x',
        })),
      }) as {
        embeds: {
          title: string;
          description: string;
          fields: { name: string; value: string }[];
          footer: { text: string };
        }[];
      };
      const { title, description, fields, footer } = embeds[0]!;
      expect(title.length).toBeLessThanOrEqual(256);
      expect(description.length).toBeLessThanOrEqual(4_096);
      expect(fields.length).toBeLessThanOrEqual(25);
      for (const { name, value } of fields) {
        expect(name.length).toBeLessThanOrEqual(256);
        expect(value.length).toBeLessThanOrEqual(1_024);
        expect(value).not.toBe('');
      }
      const whole = [title, description, footer.text, ...fields.flatMap(({ name, value }) => [name, value])];
      expect(whole.join('').length).toBeLessThanOrEqual(6_000);
      for (const part of whole) expect(part).not.toMatch(/(^|[^\\])(\\\\)*\\$/);
    }
  });
});
