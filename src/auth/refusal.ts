import { createHash } from 'node:crypto';

/** A refusal in words, as a page for people and as a line for programs; never a stack, never kept by a cache. */
export function refuse(
  request: Pick<Request, 'headers'>,
  refusal: { status: number; what: string; fix: string; link?: string; linkText?: string },
): Response {
  const { status, what, fix, link, linkText = link } = refusal;
  const html = request.headers.get('accept')?.includes('text/html');
  const headers = new Headers({
    'Content-Type': `text/${html ? 'html' : 'plain'}; charset=utf-8`,
    'Cache-Control': 'no-store',
    'Content-Security-Policy': `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'`,
  });
  // RFC 9110 asks a 401 to name a scheme; browsers ask for no password at one that they do not know.
  if (status === 401) headers.set('WWW-Authenticate', 'Session realm="Foghorn"');
  return new Response(html ? page(what, fix, link, linkText) : `${what} ${fix}\n`, { status, headers });
}

const STYLE =
  ':root{color-scheme:light dark;--ink:#16191d;--soft:#5a636e;--bg:#fff}' +
  '@media(prefers-color-scheme:dark){:root{--ink:#e9ecef;--soft:#9aa4af;--bg:#121519}}' +
  'body{font:400 1rem/1.55 system-ui,sans-serif;color:var(--ink);background:var(--bg);margin:0;padding:12vh 1.25rem 2rem}' +
  'main{max-width:36rem;margin:auto}h1{font-size:1.45rem;line-height:1.25;margin:0 0 .6rem}p{color:var(--soft)}a{color:inherit}';
const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;

function page(what: string, fix: string, link = '', linkText = link): string {
  const anchor = link ? `<p><a href="${asText(link)}">${asText(linkText)}</a></p>` : '';
  return (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    '<meta name="color-scheme" content="light dark">' +
    `<style>${STYLE}</style><title>${asText(what)}</title><main><h1>${asText(what)}</h1><p>${asText(fix)}</p>${anchor}</main></html>`
  );
}

function asText(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
