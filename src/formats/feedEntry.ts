import { renderMarkdown } from '#domain/markdown.ts';
import type { PublicIncident, PublicUpdate } from '#domain/publicIncident.ts';
import { STATUS_LABELS } from '#domain/status.ts';
import { clockTime, dateText, dateTimeText, type Instant, rangeText, zoneName } from '#domain/time.ts';
import { factsOf } from './updateFacts.ts';

/**
 * What a feed's entry says of an incident, as HTML: a paragraph an update, the newest first, as Statuspage's feeds have it. Times
 * are in the page's zone; an update that does not change the status is labelled "Update".
 */
export function entryHtml(incident: PublicIncident, zone: string): string {
  const { updates, scheduledFor, scheduledUntil, components } = incident;
  const window =
    scheduledFor &&
    (scheduledUntil ? rangeText(scheduledFor, scheduledUntil, zone) : dateTimeText(scheduledFor, zone));
  const names = components.map(({ name }) => escapeHtml(name)).join(', ');
  return [
    window && `<p><strong>Planned for</strong> - ${escapeHtml(window)}</p>`,
    ...updates.map((update, index) => updateHtml(update, updates[index + 1], zone)),
    names && `<p><strong>Components</strong> - ${names}</p>`,
  ]
    .filter(Boolean)
    .join('\n');
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

/** @param before the update before it */
function updateHtml(update: PublicUpdate, before: PublicUpdate | undefined, zone: string): string {
  const label = before?.status === update.status ? 'Update' : STATUS_LABELS[update.status];
  const head = `<small>${stampHtml(update.postedAt, zone)}</small><br><strong>${label}</strong> - `;
  const facts = factsOf(update, zone)
    .map(({ label: what, text }) => `<strong>${what}</strong> - ${escapeHtml(text)}`)
    .join('<br>');
  return `${withHead(head, renderMarkdown(update.body))}${facts && `\n<p>${facts}</p>`}`;
}

/** The text begins in the paragraph of its heading, unless it begins with something other than a paragraph. */
function withHead(head: string, body: string): string {
  return body.startsWith('<p>') ? `<p>${head}${body.slice('<p>'.length)}` : `<p>${head}</p>\n${body}`;
}

/** `Jun <var data-var='date'>19</var>, <var data-var='time'>12:53</var> UTC` */
function stampHtml(instant: Instant, zone: string): string {
  const [day, month] = dateText(instant, zone).split(' ');
  const time = clockTime(instant, zone);
  return `${month} <var data-var='date'>${day}</var>, <var data-var='time'>${time}</var> ${escapeHtml(zoneName(instant, zone))}`;
}
