import { generateAtomFeed, generateRssFeed } from 'feedsmith';
import { type FeedSnapshot, firstWordAt, lastWordAt } from '#domain/feed.ts';
import { isCalledOff, type PublicIncident, pathOf } from '#domain/publicIncident.ts';
import type { Instant } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import { entryHtml } from './feedEntry.ts';
import { stableUuid } from './stableId.ts';

export const ATOM = 'application/atom+xml';
export const RSS = 'application/rss+xml';

/**
 * The feed as Atom (RFC 4287): one entry an incident or maintenance, revised in place under an id that outlives a change of the page's
 * address. The same snapshot is the same bytes.
 */
export function atomFeed(snapshot: FeedSnapshot): string {
  const { page, incidents } = snapshot;
  const { id, title, description, url, updated } = headOf(snapshot);
  return generateAtomFeed(
    {
      xml: { lang: 'en-US' },
      id,
      title: { value: title, type: 'text' },
      subtitle: { value: description, type: 'text' },
      updated,
      authors: [{ name: xmlText(page.name), uri: page.url }],
      generator: { text: 'Foghorn' },
      links: [
        { rel: 'self', type: ATOM, href: `${url}.atom` },
        { rel: 'alternate', type: 'text/html', href: url },
        { rel: 'alternate', type: RSS, href: `${url}.rss` },
      ],
      entries: incidents.map((incident) => ({
        id: entryId(page, incident),
        title: { value: titleOf(incident), type: 'text' },
        published: new Date(firstWordAt(incident)),
        updated: new Date(lastWordAt(incident)),
        links: [{ rel: 'alternate', type: 'text/html', href: page.url + pathOf(incident) }],
        categories: namesOf(incident).map((term) => ({ term })),
        content: { value: xmlText(entryHtml(incident, page.timeZone)), type: 'html' },
      })),
    },
    { strict: true },
  );
}

/**
 * The same as RSS 2.0. `pubDate` is the time of the newest word, as Statuspage has it: readers of RSS know no other date, and would not
 * show what is new in an old entry.
 */
export function rssFeed(snapshot: FeedSnapshot): string {
  const { page, incidents } = snapshot;
  const { title, description, url, updated } = headOf(snapshot);
  return generateRssFeed(
    {
      title: readableTitle(title),
      link: url,
      description,
      language: 'en-US',
      pubDate: updated,
      lastBuildDate: updated,
      generator: 'Foghorn',
      ttl: 5,
      atom: { links: [{ rel: 'self', type: RSS, href: `${url}.rss` }] },
      items: incidents.map((incident) => ({
        title: readableTitle(titleOf(incident)),
        link: page.url + pathOf(incident),
        guid: { value: entryId(page, incident), isPermaLink: false },
        pubDate: new Date(lastWordAt(incident)),
        description: xmlText(entryHtml(incident, page.timeZone)),
        categories: namesOf(incident).map((name) => ({ name })),
      })),
    },
    { strict: true },
  );
}

function headOf(snapshot: FeedSnapshot) {
  const { page, component } = snapshot;
  const whole = /\bstatus\b/i.test(page.name) ? page.name : `${page.name} Status`;
  const url = component ? `${page.url}/components/${component.id}` : `${page.url}/history`;
  return {
    id: `urn:uuid:${stableUuid(page.id, 'feed', component?.id ?? 'history')}`,
    title: xmlText(`${whole} - ${component?.name ?? 'Incident History'}`),
    description: xmlText(`Incidents and maintenance of ${component?.name ?? page.name}`),
    url,
    updated: updatedAt(snapshot),
  };
}

function entryId(page: FeedSnapshot['page'], incident: PublicIncident): string {
  return `urn:uuid:${stableUuid(page.id, 'incident', incident.id)}`;
}

/** The components, as tags. */
function namesOf({ components }: PublicIncident): string[] {
  return [...new Set(components.map(({ name }) => xmlText(name)))];
}

/** The one place where a feed's titles are made. */
function titleOf(incident: PublicIncident): string {
  const title = titleWithScope(incident.title, incident.scope);
  return xmlText(isCalledOff(incident) ? `Called off: ${title}` : title);
}

/** When anything in it was last revised; of an empty feed, when the page was. */
function updatedAt({ page, incidents }: FeedSnapshot): Date {
  const [first, ...rest] = incidents.map(lastWordAt);
  const last = rest.reduce<Instant>(
    (latest, time) => (time > latest ? time : latest),
    first ?? page.updatedAt,
  );
  return new Date(last);
}

/** XML 1.0 holds no control characters, half surrogates or non-characters, however they are written. */
function xmlText(text: string): string {
  return text.replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '');
}

/**
 * RSS does not say whether a title is text or HTML, and readers differ: what one of them could take for markup is escaped, what none could
 * ("A & B", "< 5 %") is as it was written.
 */
function readableTitle(title: string): string {
  return title.replace(/&(?=#?\w+;)/g, '&amp;').replace(/<(?=[a-z/!?])/gi, '&lt;');
}
