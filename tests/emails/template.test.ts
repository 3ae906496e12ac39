import { describe, expect, it } from 'vitest';
import { escapeHtml, fillTemplate, parseTemplate, slot } from '#emails/template.ts';

const fill = (source: string, values: Parameters<typeof fillTemplate>[1]) =>
  fillTemplate(parseTemplate(source), values);

describe('a template', () => {
  it('writes a value as the place asks', () => {
    expect(
      fill('<a href="{{u}}" title="{{t}}" style="color:{{c}}">{{t}}</a>', {
        u: 'https://a.example/?x=1&y="2"',
        t: `<b> & "it's"`,
        c: '#16191d',
      }),
    ).toBe(
      '<a href="https://a.example/?x=1&amp;y=&quot;2&quot;" title="&lt;b&gt; &amp; &quot;it&#39;s&quot;" style="color:#16191d">&lt;b&gt; &amp; &quot;it&#39;s&quot;</a>',
    );
  });

  it('never looks again at what it filled in', () => {
    expect(fill('<p>{{a}} {{b}}</p>', { a: '{{b}}', b: '{{#a}}' })).toBe('<p>{{b}} {{#a}}</p>');
  });

  it('repeats a section for each record, and leaves it out for null and for none', () => {
    const source = '{{#rows}}<li>{{name}} of {{all}}</li>{{/rows}}';
    const all = { all: '2' };
    expect(fill(source, { ...all, rows: [{ name: 'a' }, { name: 'b' }] })).toBe(
      '<li>a of 2</li><li>b of 2</li>',
    );
    expect(fill(source, { ...all, rows: [] })).toBe('');
    expect(fill(source, { ...all, rows: null })).toBe('');
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', '//a.example', '/here', ' https://a.example', ''])(
    'refuses the address %j',
    (u) => {
      expect(() => fill('<a href="{{u}}">x</a>', { u })).toThrow('not an http');
    },
  );

  it('refuses what is no colour, and HTML that is not known to be safe', () => {
    expect(() => fill('<p style="color:{{c}}">x</p>', { c: 'red;background:url(x)' })).toThrow(
      'not a colour',
    );
    expect(() => fill('<p title="{{h}}">x</p>', { h: { safeHtml: '<b>' } })).toThrow('cannot stand there');
  });

  it('refuses a name without a value and a value without a name', () => {
    expect(() => fill('<p>{{a}}</p>', {})).toThrow('{{a}} has no value');
    expect(() => fill('<p>{{a}}</p>', { a: '', b: '' })).toThrow('Nothing is called {{b}}');
    expect(() => fill('{{#r}}{{a}}{{/r}}', { r: [{ a: '', b: '' }] })).toThrow(
      'Nothing in {{#r}} is called {{b}}',
    );
  });

  it.each([
    '<!-- {{a}} -->',
    '<style>p{color:{{a}}}</style>',
    '<p {{a}}>',
    '<p onclick="{{a}}">',
    '<p style="{{a}}">',
    '<a href="https://{{a}}">',
    '{{#a}}',
    '{{#a}}{{/b}}',
  ])('refuses a name where no value is safe: %s', (source) => {
    expect(() => parseTemplate(source)).toThrow();
  });

  it('takes a slot only from slot(), and no control characters from a value', () => {
    expect(
      fill('<a href="{{u}}">{{t}}</a>', { u: slot('manage_url'), t: 'x\u0002manage_url\u0003\u0000y' }),
    ).toBe('<a href="\u0002manage_url\u0003">xmanage_urly</a>');
  });

  it('lets nothing through that ends a text or an attribute', () => {
    expect(escapeHtml(`</p><script>"'&`)).toBe('&lt;/p&gt;&lt;script&gt;&quot;&#39;&amp;');
  });
});
