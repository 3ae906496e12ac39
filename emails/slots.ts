import type { Links } from './links.ts';
import { isMoment, type MomentSlot, momentText } from './moments.ts';
import { escapeHtml, SLOTS } from './template.ts';

export type Slot = keyof Links | MomentSlot;

/** What is one reader's own in a mail. */
export type Personal = {
  links: Partial<Links>;
  /** The zone that they asked for; null: the page's. */
  zone: string | null;
};

/**
 * The text around the personal slots: `segments` has one entry more than `slots`. Whoever fills them for thousands of people may
 * escape the segments once and put what is personal between.
 * @throws when a slot's mark stands anywhere but around the name of one
 */
export function splitSlots(text: string): { segments: string[]; slots: Slot[] } {
  const parts = text.split(SLOTS);
  const segments = parts.filter((_, index) => index % 2 === 0);
  if (segments.some((segment) => segment.includes('\u0002') || segment.includes('\u0003')))
    throw new Error('The mail holds a broken slot.');
  return { segments, slots: parts.filter((_, index) => index % 2 === 1) as Slot[] };
}

/**
 * One person's mail: the notice with its slots filled. What was filled in is never looked at again.
 * @throws when a slot has no link, or the link is not http or https
 */
export function personalise(
  rendered: { html: string; text: string },
  links: Partial<Links>,
  zone: string | null = null,
): { html: string; text: string } {
  const personal = { links, zone };
  return {
    html: fill(rendered.html, personal, escapeHtml),
    text: fill(rendered.text, personal, (value) => value),
  };
}

/** What stands in a slot for this reader. @throws when there is no link for it, or it is not http or https */
export function slotValue(slot: Slot, { links, zone }: Personal): string {
  if (isMoment(slot)) return momentText(slot, zone);
  const url = links[slot];
  if (!url || !/^https?:\/\/[\x21-\x7e]+$/.test(url)) throw new Error(`The slot ${slot} has no usable link.`);
  return url;
}

function fill(text: string, personal: Personal, write: (value: string) => string): string {
  const { segments, slots } = splitSlots(text);
  let out = segments[0] as string;
  for (const [index, slot] of slots.entries()) out += write(slotValue(slot, personal)) + segments[index + 1];
  return out;
}
