import { type Answer, headerOf, withHeaders } from './answer.ts';
import { TAGS } from './security.ts';

/**
 * Where the page lies at its host: `/status` of SITE_URL `https://example.com/status`, nothing when it has the host to itself. Routes, the page
 * cache and the export know addresses without it: it is taken off what is asked for, and put before what is answered.
 */
export function basePath(siteUrl: string): string {
  return new URL(siteUrl).pathname.replace(/\/$/, '');
}

/** A request target as routes know it. A proxy that takes the base off itself is as good: then there is nothing to take. */
export function withoutBase(target: string, base: string): string {
  if (!base) return target;
  const [, origin = '', path = ''] = /^(https?:\/\/[^/?#]*)?(.*)$/is.exec(target) ?? [];
  if (!path.startsWith(base) || !/^([/?#]|$)/.test(path.slice(base.length))) return target;
  const rest = path.slice(base.length);
  return origin + (rest.startsWith('/') ? rest : `/${rest}`);
}

/** The addresses that attributes may hold; `data-root` tells scripts, `data-preview` and `data-marks` where what they ask for is. */
const ADDRESS =
  /(\s(?:href|src|srcset|action|formaction|data-root|data-preview|data-marks)=")(\/(?!\/)[^"]*)"/g;

/**
 * The answer as it is sent from below the base: every address in its markup and its redirect that begins at the root begins at the base. What
 * scripts, styles and texts hold is left as it is.
 */
export function placed(answer: Answer, base: string): Answer {
  if (!base) return answer;
  const location = headerOf(answer, 'location');
  const led =
    location && /^\/(?!\/)/.test(location) ? withHeaders(answer, { location: base + location }) : answer;
  if (!headerOf(answer, 'content-type')?.startsWith('text/html')) return led;
  const html = led.body.toString('utf8').replace(TAGS, (whole) => {
    if (whole.startsWith('<!--')) return whole;
    const end = /^<(?:style|script)\b/i.test(whole) ? whole.indexOf('>') + 1 : whole.length;
    const tag = whole
      .slice(0, end)
      .replace(ADDRESS, (_, name: string, path: string) => `${name}${base}${path}"`);
    return tag + whole.slice(end);
  });
  return { ...led, body: Buffer.from(html) };
}
