import { createHash } from 'node:crypto';
import { ANY_PREFIX } from '#i18n/paths.ts';
import { type Answer, headerOf, withHeaders } from './answer.ts';

/** What a response may do when its route said nothing: nothing. */
const STRICT_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'";

/** Paths that other sites may show, embed or read: machines ask for them, and pages of other origins. */
const FOR_OTHERS = new RegExp(
  `^(${ANY_PREFIX}/(embed/|badge(\\.svg$|/))|/(api/v2/|incidents/[^/]+\\.json$|calendar\\.ics$|history\\.(atom|rss)$|components/[^/]+\\.(atom|rss)$))`,
);
const EMBEDDED = new RegExp(`^${ANY_PREFIX}/embed/`);

export function isForOthers(path: string): boolean {
  return FOR_OTHERS.test(path);
}

/**
 * The answer with the headers that every response carries, errors and files included. A route may bring its own
 * Content-Security-Policy (Astro gives each page one); what it leaves open is closed here: script and style hashes that the page
 * does not use are taken out, and `frame-ancestors` is added unless the route names it.
 */
export function secured(answer: Answer, path: string, siteUrl: string): Answer {
  const given = headerOf(answer, 'content-security-policy');
  const embed = EMBEDDED.test(path);
  const isWhole = new URL(siteUrl).pathname === '/';
  const csp = withFrameAncestors(given ? narrowed(given, answer) : STRICT_CSP, embed);
  return withHeaders(answer, {
    'content-security-policy': csp,
    'x-content-type-options': 'nosniff',
    // Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
    'referrer-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': isForOthers(path) ? 'cross-origin' : 'same-origin',
    // For browsers that do not know frame-ancestors; it cannot say more than "none".
    'x-frame-options': csp.includes("frame-ancestors 'none'") ? 'DENY' : null,
    // Not ours to say for a whole host of which we are a part.
    'strict-transport-security': siteUrl.startsWith('https:') && isWhole ? 'max-age=31536000' : null,
  });
}

/** The Content-Security-Policy hash source of an inline style or script. */
export function cspHash(content: string): string {
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}

function withFrameAncestors(csp: string, embed: boolean): string {
  if (csp.includes('frame-ancestors')) return csp;
  return `${csp.trim().replace(/;$/, '')}; frame-ancestors ${embed ? '*' : "'none'"}`;
}

/** Tag by tag, comments too: what someone typed may stand in an attribute, and `<style>` there is no style. */
export const TAGS =
  /<!--[\s\S]*?-->|<(style|script)\b(?:[^>"']|"[^"]*"|'[^']*')*>([\s\S]*?)<\/\1>|<[a-z](?:[^>"']|"[^"]*"|'[^']*')*>/gi;

/**
 * Astro allows the hashes of all styles and scripts of the whole site on every page, about a kilobyte. Only those that this very
 * page contains are kept: it never allows more than Astro did, and the first packets hold more page.
 */
function narrowed(csp: string, answer: Answer): string {
  const html = answer.body.toString('utf8');
  const present = new Set<string>();
  for (const [, element, content] of html.matchAll(TAGS)) if (element) present.add(cspHash(content ?? ''));
  return csp
    .split(';')
    .map((directive) =>
      directive
        .trim()
        .split(/\s+/)
        .filter((source) => !source.startsWith("'sha256-") || present.has(source))
        .join(' '),
    )
    .filter(Boolean)
    .join('; ');
}
