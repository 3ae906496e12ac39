/**
 * Another page's wording as ours: line breaks and links in HTML become Markdown, entities become characters, and marks that
 * Markdown would take for formatting are escaped, so that what is read stays what was written.
 */
export function htmlToMarkdown(html: string): string {
  const clean = html.replace(/\r\n?|[\u2028\u2029]/g, '\n').replace(UNWANTED, '');
  let out = '';
  let href: string | null = null;
  let ordered = false;
  for (const token of clean.split(TAG)) {
    const tag = TAG_PARTS.exec(token);
    if (!tag) {
      out += href === null ? escapeMarkdown(decodeEntities(token)) : decodeEntities(token).trim();
      continue;
    }
    const name = tag[2]!.toLowerCase();
    const closing = tag[1] === '/';
    if (name === 'a') {
      if (closing && href !== null) out = closeLink(out, href);
      href = closing ? null : linkTarget(tag[3] ?? '');
      if (href !== null) out += LINK_START;
    } else if (name === 'ol' || name === 'ul') {
      ordered = name === 'ol' && !closing;
      out += '\n\n';
    } else if (name === 'li') out += closing ? '' : ordered ? '\n1. ' : '\n- ';
    else if (name === 'br') out += '\n';
    else if (name === 'p' || /^h[1-6]$/.test(name) || name === 'blockquote') out += '\n\n';
    else if (name === 'div') out += '\n';
    else if (name === 'strong' || name === 'b') out += '**';
    else if (name === 'em' || name === 'i') out += '*';
    else if (name === 'code') out += '`';
  }
  return tidyLines(out.replaceAll(LINK_START, ''));
}

/** The same of a source that says plain text and means it, as our own API does: what looks like HTML is text, too. */
export function plainToMarkdown(text: string): string {
  return tidyLines(escapeMarkdown(text.replace(/\r\n?/g, '\n').replace(CONTROL, '')));
}

/** Text that is plain already, as one line. */
export function oneLine(text: string): string {
  return text
    .replace(/[\n\u2028\u2029]/g, ' ')
    .replace(CONTROL, '')
    .trim();
}

/** A title as one plain line. */
export function plainTitle(text: string): string {
  return decodeEntities(
    text
      .replace(/[\u2028\u2029]/g, ' ')
      .replace(UNWANTED, '')
      .replace(TAG_ALONE, ' '),
  )
    .replace(/\s+/g, ' ')
    .trim();
}

const NAMES = 'a|b|blockquote|br|code|div|em|h[1-6]|i|img|li|ol|p|small|span|strong|sub|sup|u|ul';
/** Only the tags that such pages use: "<0.1% of users" is text. */
const TAG = new RegExp(`(</?(?:${NAMES})(?:\\s[^<>]*)?/?>\\n?)`, 'i');
const TAG_ALONE = new RegExp(`</?(?:${NAMES})(?:\\s[^<>]*)?/?>`, 'gi');
const TAG_PARTS = new RegExp(`^<(/?)(${NAMES})(\\s[^<>]*)?/?>\\n?$`, 'i');
/** Control characters but for tab and line feed, and marks that turn the reading direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
/** With the mark that some programs put before what they write. */
const UNWANTED = new RegExp(`${CONTROL.source}|\\ufeff`, 'g');

/** Stands where a link's words begin, until its end is met; no source text can hold it (it is in CONTROL). */
const LINK_START = '\u0001';

function linkTarget(attributes: string): string | null {
  const match = /href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(attributes);
  const url = decodeEntities(match?.[1] ?? match?.[2] ?? match?.[3] ?? '').trim();
  return /^(https?:\/\/|mailto:)[^\s<>]+$/i.test(url) ? url : null;
}

function closeLink(out: string, href: string): string {
  const start = out.lastIndexOf(LINK_START);
  const words = out.slice(start + 1).trim();
  const link =
    !words || words === href
      ? href
      : `[${words.replace(/[[\]\\]/g, '\\$&')}](${/[()]/.test(href) ? `<${href}>` : href})`;
  return out.slice(0, start) + link;
}

function escapeMarkdown(text: string): string {
  return text
    .split(/(`[^`\n]+`)/)
    .map((part, index) =>
      index % 2
        ? part
        : part
            .replace(/\\(?=[!-/:-@[-`{-~])/g, '\\\\')
            .replace(/&(?=#?\w+;)/g, '\\&')
            .replace(/^([ \t]*)>/gm, '$1\\>')
            .replace(ASTERISKS, (whole, kept?: string) => kept ?? whole.replaceAll('*', '\\*')),
    )
    .join('');
}

/** A bullet, or emphasis that is plainly meant, is kept; any other asterisk (as in `refs/*`) is a character. */
const ASTERISKS =
  /(^[ \t]*\*(?=[ \t])|(?<![\w*/\\])\*\*(?=[^\s*])[^*\n]*[^\s*]\*\*(?![\w*/])|(?<![\w*/\\])\*(?=[^\s*])[^*\n]*[^\s*]\*(?![\w*/]))|\*+/gm;

function tidyLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/[ \t]+$/, '').replace(/^(\t| {4,})[ \t]*/, ''))
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  hellip: '…',
  bull: '•',
  middot: '·',
  laquo: '«',
  raquo: '»',
  copy: '©',
  reg: '®',
  trade: '™',
  deg: '°',
  times: '×',
  larr: '←',
  rarr: '→',
  euro: '€',
  pound: '£',
};

/** Decodes once; an entity that is not known stays as it is written. */
function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name) return ENTITIES[(name as string).toLowerCase()] ?? whole;
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16);
    const valid = code >= 0x20 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
    return valid ? String.fromCodePoint(code).replace(UNWANTED, '') : '';
  });
}
