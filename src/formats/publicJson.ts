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
