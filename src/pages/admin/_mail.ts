/**
 * A mail as a page of its own, for a frame beside the form: its styles are inline, as mail programs need them, so they alone
 * are allowed; no script, no request to anywhere but for pictures over https, and only our own pages may frame it.
 */
export function mailResponse(html: string): Response {
  return new Response(html, {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin",
    },
  });
}
