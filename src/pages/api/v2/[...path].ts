import type { APIRoute } from 'astro';

/** A wrong address in the API is answered in the API's own language. */
export const ALL: APIRoute = () =>
  Response.json(
    {
      error:
        'There is no such document. The public API has summary, status, components, incidents and scheduled-maintenances.',
    },
    { status: 404, headers: { 'access-control-allow-origin': '*' } },
  );
