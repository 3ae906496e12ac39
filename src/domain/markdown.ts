import MarkdownIt from 'markdown-it';
import sanitizeHtml from 'sanitize-html';

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false }).disable([
  'image',
  'heading',
  'lheading',
  'table',
  'hr',
]);
// What leads nowhere from a mail or a feed stays text: only whole addresses are links.
markdown.validateLink = (url) => /^(?:https?:\/\/|mailto:)/i.test(url);

/**
 * What a person typed, as HTML that is safe on every page and in every mail: raw HTML off, no images, no headings, then an
 * allow-list of tags and of http, https and mailto links.
 */
export function renderMarkdown(text: string): string {
  return sanitizeHtml(markdown.render(text), {
    allowedTags: ['p', 'br', 'strong', 'em', 's', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'a'],
    allowedAttributes: { a: ['href', 'rel'], ol: ['start'] },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowProtocolRelative: false,
    transformTags: { a: sanitizeHtml.simpleTransform('a', { rel: 'nofollow noopener' }) },
  }).trim();
}

/** The same words without any markup, each link with its address, for those who get plain text: "the guide (https://x.example/a)". */
export function markdownToText(text: string): string {
  return plainOf(spellOutLinks(renderMarkdown(text)));
}

/** The words alone, for excerpts and previews, where an address is of no use. */
export function markdownToWords(text: string): string {
  return plainOf(renderMarkdown(text));
}

/** Writes the address of each link behind its words, unless they are the address: what renderMarkdown gave, without its links. */
export function spellOutLinks(html: string): string {
  return html.replace(/<a href="([^"]*)"[^>]*>(.*?)<\/a>/gs, (_, url: string, words: string) => {
    const shown = markdown.normalizeLinkText(decodeEntities(url));
    const said = decodeEntities(words.replace(/<[^>]*>/g, '')).trim();
    if (!said) return url;
    const isBare = [decodeEntities(url), shown, shown.replace(/^(https?:\/\/|mailto:)/i, '')].includes(said);
    // Words that are the address read more kindly, unless they are no address that a reader could follow.
    if (isBare) return /[\s"<>]/.test(said) ? url : words;
    return `${words} (${url})`;
  });
}

function plainOf(html: string): string {
  // Blocks and breaks are on lines of their own already; between blocks stands an empty one.
  const plain = sanitizeHtml(html.replace(/<\/(p|ul|ol|blockquote|pre)>\n(?=<[^/])/g, '$&\n'), {
    allowedTags: [],
    allowedAttributes: {},
  });
  return decodeEntities(plain)
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

const ENTITIES: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

function decodeEntities(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] as string);
}
