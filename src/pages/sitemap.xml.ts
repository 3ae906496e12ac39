import type { APIRoute } from 'astro';
import { publicText } from '#formats/publicJson.ts';
import { sitemapXml } from '#formats/sitemap.ts';
import { wordsIn } from '#i18n/words.ts';
import { getSitemap } from '#services/sitemap.ts';

export const GET: APIRoute = async ({ locals: { ctx } }) => {
  const { pages, version } = await getSitemap(ctx);
  const { url, languages } = ctx.site;
  const [first, ...others] = languages;
  const inWords = (code: typeof first) => ({ code, to: wordsIn(code, languages).to });
  const xml = sitemapXml(url, pages, [inWords(first), ...others.map(inWords)]);
  return publicText(xml, 'application/xml', version);
};
