import fc from 'fast-check';
import { expect, it } from 'vitest';
import { markdownToText, renderMarkdown } from '#domain/markdown.ts';
import { htmlToMarkdown, plainTitle } from '#domain/statuspageText.ts';

it.each([
  ['line breaks', 'a<br>b<br />\nc\r\nd', 'a\nb\nc\nd'],
  ['paragraphs', '<p>One</p>\n<p>Two</p>', 'One\n\nTwo'],
  [
    'links',
    'see <a href="https://x.example/a?b=1&amp;c=2">this page</a>.',
    'see [this page](https://x.example/a?b=1&c=2).',
  ],
  [
    'a link that is its own words',
    '<a href="https://x.example/">https://x.example/</a>',
    'https://x.example/',
  ],
  [
    'a link with brackets',
    '<a href="https://x.example/a_(b)">a [b]</a>',
    '[a \\[b\\]](<https://x.example/a_(b)>)',
  ],
  ['a link that is none', '<a href="javascript:alert(1)">press</a>', 'press'],
  ['emphasis', '<strong>Now</strong> and <em>then</em>', '**Now** and *then*'],
  ['lists', '<ul><li>one</li><li>two</li></ul>after', '- one\n- two\n\nafter'],
  ['numbered lists', '<ol><li>one</li></ol>', '1. one'],
  ['entities, once', '&lt;b&gt; &amp;lt; &quot;x&quot; &#8211; &#x1F6A2;', '<b> \\&lt; "x" – 🚢'],
  ['less-than signs', '<0.1% of users, <1 of 10', '<0.1% of users, <1 of 10'],
  [
    'asterisks',
    'git/refs/*, and git/matching-refs/* but *this*',
    'git/refs/\\*, and git/matching-refs/\\* but *this*',
  ],
  ['a quote mark that is more-than', '> 5% of requests', '\\> 5% of requests'],
  ['code', 'the `a*b` field', 'the `a*b` field'],
  ['indentation that would be code', '    indented\n\tso', 'indented\nso'],
  ['control characters', 'a\u0000b\u202ec\u2028d', 'abc\nd'],
])('reads %s as they are meant', (_, html, markdown) => {
  expect(htmlToMarkdown(html)).toBe(markdown);
});

it('makes a title one plain line', () => {
  expect(plainTitle(' Search &amp;\n checkout <b>fail</b>\u202e ')).toBe('Search & checkout fail');
});

it('never lets markup through, whatever it is given, and reads its own result the same again as text', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      '<script>',
      '</a>',
      '<a href="',
      '">',
      "<a href='data:x'>",
      '<img src=x onerror=y>',
      '&#60;',
      '\u0001',
      '](',
      '<br>',
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const html = renderMarkdown(htmlToMarkdown(pieces.join('')));
      expect(html).not.toMatch(/<(?!\/?(p|br|strong|em|s|code|pre|blockquote|ul|ol|li|a)\b)/);
      expect(html).not.toMatch(/<a [^>]*href="(?!https?:|mailto:)/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
      expect(htmlToMarkdown(pieces.join(''))).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
    }),
    { numRuns: 300 },
  );
  expect(markdownToText(htmlToMarkdown('a &amp;amp; b'))).toBe('a &amp; b');
});
