import type { APIRoute } from 'astro';
import { orNull } from '#components/public/notFound.ts';
import { missingJson, publicJson } from '#formats/publicJson.ts';
import { incidentJson } from '#formats/statuspage.ts';
import { getApiIncident } from '#services/publicApi.ts';

/** One incident or maintenance in Statuspage's shape. */
export const GET: APIRoute = async ({ locals, params }) => {
  const found = await orNull(getApiIncident(locals.ctx, params.id ?? ''));
  if (!found) return missingJson('There is no incident or maintenance with that id.');
  const { snapshot, incident } = found;
  return publicJson(incidentJson(snapshot, incident), snapshot.version);
};
