import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maskAddressesIn,
  multiLine,
  optional,
  parseAddress,
  singleLine,
  withoutAddresses,
} from '#domain/text.ts';

const NUL = '\u0000';
const title = singleLine(20, 'The title');
const body = multiLine(40, 'The text');
const problemOf = (schema: typeof title, text: unknown) => schema.safeParse(text).error?.issues[0]?.message;

describe('one line', () => {
  it('is trimmed, and otherwise left as it was typed', () => {
    expect(title.parse('  Checkout  fails \n')).toBe('Checkout  fails');
    expect(title.parse('דף הבית למטה')).toBe('דף הבית למטה');
    expect(title.parse('🚢 <b>&amp;</b>')).toBe('🚢 <b>&amp;</b>');
  });

  it.each([
    ['nothing', undefined, 'The title is missing.'],
    ['a number', 7, 'The title is missing.'],
    ['empty', '', 'The title is empty. Write something.'],
    ['blanks', ' \t\u00a0', 'The title is empty. Write something.'],
    ['marks that do not show', '\u200b\u200d\ufeff', 'The title is empty. Write something.'],
    ['too long', 'x'.repeat(21), 'The title is too long: at most 20 characters.'],
    ['two lines', 'a\nb', 'The title must be one line. Remove the line breaks.'],
    ['a carriage return', 'a\rBcc: b', 'The title must be one line. Remove the line breaks.'],
    ['a tab', 'a\tb', 'The title must be one line. Remove the line breaks.'],
  ])('refuses %s', (_, text, message) => expect(problemOf(title, text)).toBe(message));

  it.each(['\u0001', NUL, '\u001b', '\u007f', '\u0085', '\u2028', '\u202e', '\u2066', '\u2069'])(
    'refuses %j in the middle, and so do several lines',
    (mark) => {
      expect(problemOf(title, `a${mark}b`)).toContain('invisible control characters');
      expect(problemOf(body, `a${mark}b`)).toContain('invisible control characters');
    },
  );

  it('lets through no control character at all, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 25 }), (text) => {
        const read = title.safeParse(text);
        if (!read.success) return;
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
        expect(read.data).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
        expect(read.data).toBe(text.trim());
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('several lines', () => {
  it('keep their breaks and tabs; those of Windows and old Macs become \\n', () => {
    expect(body.parse('\r\na\r\nb\rc\n\td\n')).toBe('a\nb\nc\n\td');
  });

  it('count their length after that, and must say something', () => {
    expect(body.parse('a\r\n'.repeat(20))).toHaveLength(39);
    expect(problemOf(body, 'x'.repeat(41))).toBe('The text is too long: at most 40 characters.');
    expect(problemOf(body, '\r\n \n')).toBe('The text is empty. Write something.');
    expect(problemOf(body, null)).toBe('The text is missing.');
  });
});

describe('an optional field', () => {
  const scope = optional(title);
  it('is null when it is empty or missing, and checked when it is not', () => {
    expect(['', '  ', undefined, null, ' EU '].map((text) => scope.parse(text))).toEqual([
      null,
      null,
      null,
      null,
      'EU',
    ]);
    expect(scope.safeParse('a\nb').success).toBe(false);
  });
});

describe('an address', () => {
  it.each([
    ['as it is', 'ada@example.com', 'ada@example.com'],
    ['in capitals and blanks', '  Ada.L+status@EXAMPLE.com ', 'ada.l+status@example.com'],
    ['with an apostrophe', "o'brien@example.ie", "o'brien@example.ie"],
    ['with a domain in its own letters', 'ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['with that domain in ASCII', 'ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
    ['with a long local part', `${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
  ])('%s', (_, text, address) => expect(parseAddress(text)).toBe(address));

  it.each([
    ['nothing', ''],
    ['no domain', 'ada@'],
    ['no local part', '@example.com'],
    ['two at signs', 'ada@ben@example.com'],
    ['a domain without a dot', 'ada@localhost'],
    ['quotes', '"ada lovelace"@example.com'],
    ['a name and angle brackets', 'Ada <ada@example.com>'],
    ['an angle bracket alone', 'ada@example.com>'],
    ['two, with a comma', 'ada@example.com,ben@example.com'],
    ['a comma at the end', 'ada@example.com,'],
    ['a semicolon', 'ada@example.com;'],
    ['a header behind a line break', 'ada@example.com\r\nBcc: ben@example.com'],
    ['a line break inside', 'ada\n@example.com'],
    ['a NUL', `ada${NUL}@example.com`],
    ['a blank inside', 'ada @example.com'],
    ['letters beyond ASCII before the @', 'ädä@example.com'],
    ['a dot at the start', '.ada@example.com'],
    ['a dot before the @', 'ada.@example.com'],
    ['two dots in a row', 'ada..l@example.com'],
    ['two dots in the domain', 'ada@example..com'],
    ['a dot at the end', 'ada@example.com.'],
    ['a port', 'ada@example.com:25'],
    ['a path', 'ada@example.com/inbox'],
    ['a query', 'ada@example.com?subject=x'],
    ['a fragment', 'ada@example.com#x'],
    ['an escape', 'ada@%65xample.com'],
    ['a backslash', 'ada@example.com\\x'],
    ['an IP address', 'ada@127.0.0.1'],
    ['an IP address in brackets', 'ada@[127.0.0.1]'],
    ['a domain of numbers', 'ada@example.123'],
    ['a hyphen at the start of the domain', 'ada@-example.com'],
    ['a hyphen at a label’s end', 'ada@example-.com'],
    ['an underscore', 'ada@exam_ple.com'],
    ['a local part of 65', `${'a'.repeat(65)}@example.com`],
    ['a label of 64', `ada@${'a'.repeat(64)}.com`],
    ['255 characters', `ada@${'a.'.repeat(124)}com`],
    ['more than 254 once in ASCII', `ada@${'ü.'.repeat(80)}com`],
    ['a control character at its end', 'mia@example.com\u0000'],
  ])('refuses %s', (_, text) => expect(parseAddress(text)).toBeNull());

  it('is one plain word of ASCII, and reads the same again, whatever is typed', () => {
    const piece = fc.constantFrom(
      'ada',
      '@',
      '.',
      'example.com',
      '<',
      '>',
      '"',
      ',',
      '\r\n',
      ' ',
      'ü',
      '%40',
      ':',
      '/',
      '\u202e',
      '(x)',
      "'",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const address = parseAddress(pieces.join(''));
        if (address === null) return;
        expect(address).toMatch(/^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9.-]+$/);
        expect(parseAddress(address)).toBe(address);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('addresses in what others say', () => {
  it.each([
    ['550 5.1.1 <mia@acme.example>: unknown', '550 5.1.1 <m***@acme.example>: unknown'],
    ['to:mia@acme.example;size=3', 'to:m***@acme.example;size=3'],
    ["mailbox 'mia@acme.example' is full", "mailbox 'm***@acme.example' is full"],
    ['`mia@acme.example` is full', '`m***@acme.example` is full'],
    ["o'brien@acme.example and mia'@acme.example", 'o***@acme.example and m***@acme.example'],
    ['[mia@acme.example]', '[m***@acme.example]'],
    ['mia@[192.0.2.1] and mia@[IPv6:2001:db8::1]', 'm***@[192.0.2.1] and m***@[IPv6:2001:db8::1]'],
    ['"mia berg"@acme.example', '"***@acme.example'],
    ['at 14:00 @ noon, no one@', 'at 14:00 @ noon, no one@'],
  ])('%s', (said, masked) => {
    expect(maskAddressesIn(said)).toBe(masked);
    // A log names nobody, and both find the same.
    const found = said === masked ? 0 : masked.split('***').length - 1;
    expect(withoutAddresses(said).split('<address>')).toHaveLength(found + 1);
    expect(withoutAddresses(said)).not.toMatch(/mia|brien|acme/);
  });

  it('never get through whole, whatever stands around them', () => {
    const local = fc.stringMatching(/^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,12}$/);
    const around = fc.constantFrom('', ' ', '<', '>', '(', '"', "'", '`', ',', ';', ':', '[', ']', 'to ');
    fc.assert(
      fc.property(local, around, around, (name, before, after) => {
        const address = parseAddress(`${name}@acme.example`);
        if (address === null) return;
        const said = `${before}${address}${after}`;
        expect(withoutAddresses(said)).not.toContain(address);
        if (name.length > 1 && !name.includes('*')) expect(maskAddressesIn(said)).not.toContain(address);
      }),
      { numRuns: 3_000 },
    );
  });
});
