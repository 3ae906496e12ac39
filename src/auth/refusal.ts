/** A refusal in words, as a page for people and as a line for programs; never a stack, never kept by a cache. */
export function refuse(
  request: Pick<Request, 'headers'>,
  refusal: { status: 401 | 403; what: string; fix: string; link?: string },
): Response {
  const { status, what, fix, link } = refusal;
  const html = request.headers.get('accept')?.includes('text/html');
  const headers = new Headers({
    'Content-Type': `text/${html ? 'html' : 'plain'}; charset=utf-8`,
    'Cache-Control': 'no-store',
  });
  // RFC 9110 asks a 401 to name a scheme; browsers ask for no password at one that they do not know.
  if (status === 401) headers.set('WWW-Authenticate', 'Session realm="Foghorn"');
  return new Response(html ? page(what, fix, link) : `${what} ${fix}\n`, { status, headers });
}

function page(what: string, fix: string, link: string | undefined): string {
  const anchor = link ? `<p><a href="${asText(link)}">${asText(link)}</a></p>` : '';
  return (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    '<meta name="color-scheme" content="light dark">' +
    `<title>${asText(what)}</title><main><h1>${asText(what)}</h1><p>${asText(fix)}</p>${anchor}</main></html>`
  );
}

function asText(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
