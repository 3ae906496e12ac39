import type { SitemapPage } from '#domain/sitemap.ts';
import { escapeHtml } from './feedEntry.ts';

/** A language that every page of the map is in, and where its pages are. */
export type SitemapLanguage = { code: string; to: (path: string) => string };

/**
 * The pages as a sitemap (sitemaps.org, protocol 0.9): each by its address in each language, which names all the others as search engines
 * ask for it (hreflang), the first language for whoever reads none of them.
 */
export function sitemapXml(
  siteUrl: string,
  pages: readonly SitemapPage[],
  languages: readonly [SitemapLanguage, ...SitemapLanguage[]],
): string {
  const several = languages.length > 1;
  const address = (path: string) => escapeHtml(siteUrl + encodeURI(path));
  const urls = pages.flatMap(({ path, changedAt }) => {
    const changed = changedAt ? `<lastmod>${changedAt}</lastmod>` : '';
    const all = [...languages.map(({ code, to }) => [code, to(path)]), ['x-default', languages[0].to(path)]];
    const links = several
      ? all.map(([code, to = '']) => `<xhtml:link rel="alternate" hreflang="${code}" href="${address(to)}"/>`)
      : [];
    return languages.map(
      ({ to }) => `<url><loc>${address(to(path))}</loc>${changed}${links.join('')}</url>\n`,
    );
  });
  const xhtml = several ? ' xmlns:xhtml="http://www.w3.org/1999/xhtml"' : '';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"${xhtml}>\n${urls.join('')}</urlset>\n`;
}

/**
 * What crawlers may read (RFC 9309): the public pages. What is behind a sign-in, and what a link in someone's mail leads to, is none of
 * theirs.
 * @param prefixes of pages in other languages than the first
 */
export function robotsText(siteUrl: string, prefixes: readonly string[] = []): string {
  const own = prefixes.flatMap((prefix) => PERSONAL.map((path) => prefix + path));
  const closed = [...CLOSED, ...own].map((path) => `Disallow: ${path}\n`).join('');
  return `User-agent: *\n${closed}\nSitemap: ${siteUrl}/sitemap.xml\n`;
}

const PERSONAL = ['/confirm/', '/subscription/', '/unsubscribe/', '/webhook/'];

const CLOSED = ['/admin', '/api/v1/', '/api/hooks/', '/brief/', '/duty/', ...PERSONAL];
