import type { Links } from './links.ts';
import { escapeHtml, SLOTS } from './template.ts';

/**
 * The text around the personal slots: `segments` has one entry more than `slots`. Whoever fills them for thousands of people may
 * escape the segments once and put the addresses between.
 * @throws when a slot's mark stands anywhere but around the name of one
 */
export function splitSlots(text: string): { segments: string[]; slots: (keyof Links)[] } {
  const parts = text.split(SLOTS);
  const segments = parts.filter((_, index) => index % 2 === 0);
  if (segments.some((segment) => segment.includes('\u0002') || segment.includes('\u0003')))
    throw new Error('The mail holds a broken slot.');
  return { segments, slots: parts.filter((_, index) => index % 2 === 1) as (keyof Links)[] };
}

/**
 * One person's mail: the notice with its slots filled. What was filled in is never looked at again.
 * @throws when a slot has no link, or the link is not http or https
 */
export function personalise(
  rendered: { html: string; text: string },
  links: Partial<Links>,
): { html: string; text: string } {
  return {
    html: fill(rendered.html, links, escapeHtml),
    text: fill(rendered.text, links, (url) => url),
  };
}

function fill(text: string, links: Partial<Links>, write: (url: string) => string): string {
  const { segments, slots } = splitSlots(text);
  let out = segments[0] as string;
  for (const [index, slot] of slots.entries()) {
    const url = links[slot];
    if (!url || !/^https?:\/\/[\x21-\x7e]+$/.test(url))
      throw new Error(`The slot ${slot} has no usable link.`);
    out += write(url) + segments[index + 1];
  }
  return out;
}
