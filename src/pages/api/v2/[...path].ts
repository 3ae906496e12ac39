import type { APIRoute } from 'astro';
import { missingJson } from '#formats/publicJson.ts';

/** A wrong address in the API is answered in the API's own language. */
export const ALL: APIRoute = () =>
  missingJson(
    'There is no such document. The public API has summary, status, components, incidents and scheduled-maintenances.',
  );
