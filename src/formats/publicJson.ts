/** What lets anyone's page read an answer, its tag included: it is the same for everyone, and no cookie counts. */
export const FOR_ANY_ORIGIN = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'etag',
};

/** Cache-Control of what has the hash of its bytes in its address. */
export const NEVER_CHANGES = 'public, max-age=31536000, immutable';

/** Public JSON: anyone's page may read it, and the page cache may keep it while the page has this version. */
export function publicJson(body: unknown, version: number): Response {
  return publicText(JSON.stringify(body), 'application/json', version);
}

/** The same of any other format. */
export function publicText(body: string, type: string, version: number): Response {
  return new Response(body, {
    headers: {
      ...FOR_ANY_ORIGIN,
      'content-type': `${type}; charset=utf-8`,
      'x-foghorn-version': String(version),
    },
  });
}

/** A 404 of the API, in its own shape. */
export function missingJson(error: string): Response {
  return Response.json({ error }, { status: 404, headers: FOR_ANY_ORIGIN });
}

/** A 404 of anything that is no page. */
export function missingText(text: string): Response {
  return new Response(`${text}\n`, {
    status: 404,
    headers: { ...FOR_ANY_ORIGIN, 'content-type': 'text/plain; charset=utf-8' },
  });
}
