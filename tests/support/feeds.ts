import { readFileSync } from 'node:fs';
import { parseFeed } from '@rowanmanning/feed-parser';
import ICAL from 'ical.js';
import * as libxml2 from 'libxml2-wasm';
import { XmlDocument, type XmlElement } from 'libxml2-wasm';

/** Reads feeds and calendars by libraries that have nothing to do with those that write them, and by the standards' own grammars. */

type Grammar = { validate: (document: XmlDocument) => void };
/** libxml2 means to drop it some day, and marks it so; the grammar of RFC 4287 is written in nothing else. */
// biome-ignore lint/performance/noDynamicNamespaceImportAccess: by its plain name the check of types objects to the mark
const RelaxNg = libxml2['RelaxNGValidator' as keyof typeof libxml2] as unknown as {
  fromDoc: (grammar: XmlDocument) => Grammar;
};
const grammar = (name: string) =>
  RelaxNg.fromDoc(XmlDocument.fromString(readFileSync(new URL(name, import.meta.url), 'utf8')));
const GRAMMARS = { atom: grammar('atom.rng'), rss: grammar('rss.rng'), sitemap: grammar('sitemap.rng') };

export type ReadFeed = {
  id: string | null;
  title: string;
  self: string | null;
  url: string | null;
  updated: string;
  entries: ReadEntry[];
};
export type ReadEntry = {
  id: string;
  title: string;
  url: string;
  published: string | null;
  updated: string | null;
  html: string;
  categories: string[];
};

const ATOM = { a: 'http://www.w3.org/2005/Atom' };

/** A page of a sitemap: when it last changed, and where it is in each language. */
export type ReadPage = { changedAt: string | null; languages: Record<string, string> };

/** By address. @throws when it does not follow the protocol, or names a page or one of its languages twice */
export function readSitemap(text: string): Map<string, ReadPage> {
  const document = validated(text, 'sitemap');
  const names = { s: 'http://www.sitemaps.org/schemas/sitemap/0.9', x: 'http://www.w3.org/1999/xhtml' };
  const pages = new Map<string, ReadPage>();
  for (const url of document.find('/s:urlset/s:url', names)) {
    const at = (path: string) => (url as XmlElement).find(path, names).map((node) => node.content);
    const [loc = ''] = at('s:loc');
    const codes = at('x:link/@hreflang');
    if (pages.has(loc)) throw new Error(`${loc} stands there twice.`);
    if (new Set(codes).size !== codes.length) throw new Error(`${loc} is in one language twice.`);
    const hrefs = at('x:link/@href');
    const languages = Object.fromEntries(codes.map((code, i) => [code, hrefs[i] as string]));
    pages.set(loc, { changedAt: at('s:lastmod')[0] ?? null, languages });
  }
  document.dispose();
  return pages;
}

/** @throws when it is no well-formed XML or does not follow RFC 4287 */
export function readAtom(text: string): ReadFeed {
  const document = validated(text, 'atom');
  const at = (path: string) => document.find(path, ATOM).map((node) => node.content);
  const ids = at('/a:feed/a:entry/a:id');
  if (new Set(ids).size !== ids.length) throw new Error('Two entries have one id.');
  const kinds = at('/a:feed/a:link[@rel="alternate"]/@type');
  if (new Set(kinds).size !== kinds.length) throw new Error('Two alternates of one type.');
  // Section 4.1.1: an author of the feed, or of every entry.
  if (!at('/a:feed/a:author/a:name').length) throw new Error('Nobody wrote it.');
  // Section 4.1.2: an entry without content links to what it is about.
  if (at('/a:feed/a:entry[not(a:content)]').length) throw new Error('An entry is empty.');
  for (const uri of [...at('//a:id'), ...at('//a:link/@href')])
    if (!URL.canParse(uri)) throw new Error(`This is no address that stands alone: ${uri}`);
  for (const instant of [...at('//a:updated'), ...at('//a:published')])
    if (new Date(instant).toISOString() !== instant) throw new Error(`This is no time: ${instant}`);
  const [updated = ''] = at('/a:feed/a:updated');
  if (at('/a:feed/a:entry/a:updated').some((one) => one > updated))
    throw new Error('It is older than an entry.');
  const titles = at('/a:feed/a:entry/a:title[@type="text"]');
  const texts = at('/a:feed/a:entry/a:content[@type="html"]');
  document.dispose();
  const feed = parseFeed(text);
  return {
    ...headOf(feed),
    entries: feed.items.map((item, index) => entryOf(item, titles[index], texts[index])),
  };
}

/** @throws when it is no well-formed XML or does not follow RSS 2.0 */
export function readRss(text: string): ReadFeed {
  const document = validated(text, 'rss');
  const at = (path: string) => document.find(path, ATOM).map((node) => node.content);
  const guids = at('/rss/channel/item/guid');
  if (new Set(guids).size !== guids.length) throw new Error('Two items have one guid.');
  if (guids.length !== at('/rss/channel/item').length) throw new Error('An item has no guid.');
  for (const date of at('//pubDate | //lastBuildDate'))
    if (new Date(date).toUTCString() !== date) throw new Error(`This is no time: ${date}`);
  const titles = at('/rss/channel/item/title');
  const texts = at('/rss/channel/item/description');
  document.dispose();
  const feed = parseFeed(text);
  return {
    ...headOf(feed),
    entries: feed.items.map((item, index) => entryOf(item, titles[index], texts[index])),
  };
}

/** As Mozilla's reader has it. @throws when it finds anything that it does not understand */
export function readIcal(
  text: string,
): { uid: string; sequence: number; start: string; end: string | null }[] {
  const calendar = new ICAL.Component(ICAL.parse(text));
  return calendar.getAllSubcomponents('vevent').map((component) => {
    const event = new ICAL.Event(component, { strictExceptions: true });
    for (const alarm of component.getAllSubcomponents('valarm'))
      if (!(alarm.getFirstPropertyValue('trigger') instanceof ICAL.Duration)) throw new Error('No trigger.');
    const utc = (time: ICAL.Time | null): string | null => time?.toJSDate().toISOString() ?? null;
    return {
      uid: event.uid,
      sequence: Number(event.sequence),
      start: utc(event.startDate) as string,
      end: component.hasProperty('dtend') ? utc(event.endDate) : null,
    };
  });
}

function validated(text: string, kind: keyof typeof GRAMMARS): XmlDocument {
  const document = XmlDocument.fromString(text);
  GRAMMARS[kind].validate(document);
  return document;
}

type Parsed = ReturnType<typeof parseFeed>;

function headOf({ meta, title, self, url, updated }: Parsed) {
  if (!meta.type || !title || !updated) throw new Error('The feed has no kind, title or time.');
  return { id: null, title, self, url, updated: updated.toISOString() };
}

/** `title` and `html` as the XML has them: that reader decodes entities once more. */
function entryOf(
  item: Parsed['items'][number],
  title: string | undefined,
  html: string | undefined,
): ReadEntry {
  const { id, url, categories } = item;
  if (!id || !title?.trim() || !url) throw new Error('An entry has no id, title or address.');
  return {
    id,
    title: title.trim(),
    url,
    published: item.published?.toISOString() ?? null,
    updated: item.updated?.toISOString() ?? null,
    html: html?.trim() ?? '',
    categories: categories.map(({ label, term }) => label ?? term),
  };
}
