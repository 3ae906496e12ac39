/** Public JSON: anyone's page may read it, and the page cache may keep it while the page has this version. */
export function publicJson(body: unknown, version: number): Response {
  return new Response(JSON.stringify(body), {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
      'x-foghorn-version': String(version),
    },
  });
}

/** The answer to a browser that asks first whether it may read. */
export function allowAnyOrigin(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': '*',
      'access-control-max-age': '86400',
    },
  });
}
