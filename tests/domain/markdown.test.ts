import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markdownToText, markdownToWords, renderMarkdown } from '#domain/markdown.ts';

describe('what people write with', () => {
  it.each([
    ['emphasis', '**Now** and *then*', '<p><strong>Now</strong> and <em>then</em></p>'],
    ['a line break', 'a\nb', '<p>a<br />\nb</p>'],
    ['a list', '- a\n- b', '<ul>\n<li>a</li>\n<li>b</li>\n</ul>'],
    ['a list from three on', '3. a', '<ol start="3">\n<li>a</li>\n</ol>'],
    [
      'a link',
      '[here](https://b.example/?a=1&b=2)',
      '<p><a href="https://b.example/?a=1&amp;b=2" rel="nofollow noopener">here</a></p>',
    ],
    [
      'an address to write to',
      '<help@b.example>',
      '<p><a href="mailto:help@b.example" rel="nofollow noopener">help@b.example</a></p>',
    ],
    [
      'a bare link',
      'see https://b.example.',
      '<p>see <a href="https://b.example" rel="nofollow noopener">https://b.example</a>.</p>',
    ],
    ['code', '`<b>`', '<p><code>&lt;b&gt;</code></p>'],
    ['what would be a heading', '# Big', '<p># Big</p>'],
  ])('%s', (_, text, html) => expect(renderMarkdown(text)).toBe(html));

  it.each([
    ['raw HTML', '<b>x</b>', '<p>&lt;b&gt;x&lt;/b&gt;</p>'],
    ['a script', '<script>alert(1)</script>', '<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>'],
    ['an image that runs', '<img src=x onerror=alert(1)>', '<p>&lt;img src=x onerror=alert(1)&gt;</p>'],
    ['javascript:', '[x](javascript:alert(1))', '<p>[x](javascript:alert(1))</p>'],
    ['javascript: in entities', '[x](&#106;avascript:alert(1))', '<p>[x](javascript:alert(1))</p>'],
    [
      'javascript: by reference',
      '[x]\n\n[x]: javascript:alert(1)',
      '<p>[x]</p>\n<p>[x]: javascript:alert(1)</p>',
    ],
    ['javascript: in angle brackets', '<javascript:alert(1)>', '<p>&lt;javascript:alert(1)&gt;</p>'],
    ['data:', '[x](data:text/html,1)', '<p>[x](data:text/html,1)</p>'],
    ['vbscript:', '[x](VBScript:x)', '<p>[x](VBScript:x)</p>'],
    ['a link without a scheme', '[x](//evil.example)', '<p>[x](//evil.example)</p>'],
    ['a path of this very site', '[x](/admin/logout)', '<p>[x](/admin/logout)</p>'],
  ])('%s stays text', (_, text, html) => expect(renderMarkdown(text)).toBe(html));

  it('shows no image, and cannot break out of an attribute', () => {
    expect(renderMarkdown('![x](https://b.example/a.png)')).not.toContain('<img');
    expect(renderMarkdown('[x](https://b.example/"onmouseover=alert(1) "t")')).not.toMatch(
      /<a[^>]*\sonmouseover/,
    );
    expect(renderMarkdown('[x](https://b.example "t\\" onclick=\\"y")')).toBe(
      '<p><a href="https://b.example" rel="nofollow noopener">x</a></p>',
    );
  });

  it('holds nothing that could run, whatever is put together', () => {
    const piece = fc.constantFrom(
      '<script>',
      '</script>',
      '<img src=x onerror=alert(1)>',
      '<svg/onload=alert(1)>',
      '<a href=javascript:alert(1)>',
      '<iframe srcdoc=',
      'javascript:alert(1)',
      'java\tscript:',
      '&#106;avascript:',
      'data:text/html;base64,x',
      '//evil.example',
      'https://b.example',
      'mailto:a@b.example',
      '[x](',
      '![x](',
      '](',
      ')',
      '<',
      '>',
      '"',
      "'",
      '`',
      '```\n',
      '~~~\n',
      '\n',
      '\n\n',
      '- ',
      '1. ',
      '> ',
      '    ',
      '*',
      '**',
      '_',
      '~~',
      '\\',
      '&lt;',
      '&amp;',
      '&#0;',
      '[r]: javascript:alert(1)',
      '[r]',
      ' onclick=x ',
      'style="x"',
      '\u0000',
      '\u2028',
      '<!--',
      '-->',
      '<![CDATA[',
      '<?',
      'www.evil.example',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
        const html = renderMarkdown(pieces.join(''));
        for (const [tag] of html.matchAll(/<[^>]*>?/g))
          expect(tag).toMatch(
            /^<(\/(p|strong|em|s|code|pre|blockquote|ul|ol|li|a)|p|br \/|strong|em|s|code|pre|blockquote|ul|ol( start="\d+")?|li|a( href="(https?:\/\/|mailto:)[^"<>\s]*")? rel="nofollow noopener")>$/,
          );
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the same in plain text', () => {
  it.each([
    ['without marks', '**Now**, *here*', 'Now, here'],
    [
      'a link with its address',
      'see [the guide](https://x.example/a).',
      'see the guide (https://x.example/a).',
    ],
    [
      'the words of a link without marks',
      '[**the** guide](https://x.example)',
      'the guide (https://x.example)',
    ],
    ['an address as it is', '[x](https://x.example/?a=1&b="2")', 'x (https://x.example/?a=1&b=%222%22)'],
    ['an address alone once', 'https://x.example/a?b=1&c=2.', 'https://x.example/a?b=1&c=2.'],
    ['an address with letters of its own once', 'https://bücher.example/ä', 'https://bücher.example/ä'],
    ['an address without its scheme once', 'www.x.example/a', 'www.x.example/a'],
    ['an address of mail once', 'help@x.example', 'help@x.example'],
    ['a link to mail', '[us](mailto:help@x.example)', 'us (mailto:help@x.example)'],
    ['a link that says its own address', '[https://x.example](https://x.example)', 'https://x.example'],
    [
      'a link that says another address',
      '[https://a.example](https://b.example)',
      'https://a.example (https://b.example)',
    ],
    ['a link of no words', '[](https://x.example)', 'https://x.example'],
    ['with its lines', 'a\nb', 'a\nb'],
    ['with its paragraphs', 'a\n\n\n\nb', 'a\n\nb'],
    ['a list a line each', 'x\n\n- a\n- b\n\ny', 'x\n\na\nb\n\ny'],
    ['a quote', '> a\n>\n> b\n\nc', 'a\n\nb\n\nc'],
    ['what was typed for less-than and ampersand', '<b> & "x" \'y\'', '<b> & "x" \'y\''],
    ['entities once, never twice', '&lt;b&gt; &amp;lt; &amp;amp;', '<b> &lt; &amp;'],
    ['code as it stands', '```\n<script>\n```', '<script>'],
  ])('%s', (_, text, plain) => expect(markdownToText(text)).toBe(plain));

  it('is the words alone where an address is of no use', () => {
    expect(markdownToWords('see [the **guide**](https://x.example/a) & https://y.example')).toBe(
      'see the guide & https://y.example',
    );
  });

  it('gives back any words that hold no marks', () => {
    const word = fc
      .stringMatching(/^[a-zA-Z0-9,;&<>"'()é漢🚢]{1,8}$/u)
      .filter((text) => !/&\w+;|^[<>]/.test(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
        const text = `x ${words.join(' ')} x`;
        fc.pre(!/<[a-z/!?].*>/i.test(text) && !/^\d+[.)]/.test(text));
        expect(markdownToText(text)).toBe(text);
      }),
    );
  });
});
