import { markdownToWords, renderMarkdown, spellOutLinks } from '#domain/markdown.ts';
import { escapeHtml, type SafeHtml, withoutControls } from './template.ts';

/** Mail programs that drop style sheets keep what stands on the element itself. */
const STYLES: Record<string, string> = {
  p: 'margin:0 0 12px',
  ul: 'margin:0 0 12px;padding-left:22px',
  ol: 'margin:0 0 12px;padding-left:22px',
  li: 'margin:0 0 4px',
  a: 'color:#1f5fbf',
  blockquote: 'margin:0 0 12px;padding-left:14px;border-left:2px solid #e3e6ea',
  pre: 'margin:0 0 12px;padding:10px 12px;background-color:#f6f7f8;white-space:pre-wrap;font-size:14px',
  code: 'background-color:#f6f7f8;font-size:14px',
};

/** An update's words as HTML for a mail. */
export function prose(markdown: string): SafeHtml {
  // Every `<` in the sanitiser's output begins one of its allowed tags.
  const safeHtml = renderMarkdown(markdown).replace(
    /<(p|ul|ol|li|a|blockquote|pre|code)(?=[ >])/g,
    (tag, name: string) => `${tag} style="${STYLES[name]}"`,
  );
  return { safeHtml };
}

/** As much of the words, from the start, as `maxBytes` of HTML hold; `cut` when that is not all. */
export function proseWithin(markdown: string, maxBytes: number): { html: SafeHtml; cut: boolean } {
  let source = markdown;
  let html = prose(source);
  let size = Buffer.byteLength(html.safeHtml);
  while (size > maxBytes) {
    source = clip(source, Math.floor(source.length * Math.min(0.9, maxBytes / size)));
    html = prose(source);
    size = Buffer.byteLength(html.safeHtml);
  }
  return { html, cut: source !== markdown };
}

/** Text that is not Markdown, with its line breaks. */
export function plainLines(text: string): SafeHtml {
  return { safeHtml: escapeHtml(text).replaceAll('\n', '<br>') };
}

/** The words on one line, at most `max` characters of them. */
export function excerpt(markdown: string, max: number): string {
  return clip(oneLine(markdownToWords(markdown)), max);
}

export function oneLine(text: string): string {
  return withoutControls(text.replace(/\s+/g, ' ')).trim();
}

/** At most `max` characters, ending at a word where one ends near, with an ellipsis. Never half a character. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = text.slice(0, Math.max(0, max - 1)).replace(/[\ud800-\udbff]$/, '');
  const end = Math.max(head.lastIndexOf(' '), head.lastIndexOf('\n'));
  return `${(end > head.length * 0.8 ? head.slice(0, end) : head).trimEnd()}…`;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

/** The words for the plain-text part: list items keep their dash, and a link its address. */
export function proseText(markdown: string): string {
  return spellOutLinks(renderMarkdown(markdown))
    .replace(/<li>\s*(?:<p>)?/g, '- ')
    .replace(/<br \/>\n?/g, '\n')
    .replace(/<\/(p|blockquote|pre|ul|ol)>/g, '\n\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name] as string)
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
