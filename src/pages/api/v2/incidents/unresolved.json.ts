import type { APIRoute } from 'astro';
import { publicJson } from '#formats/publicJson.ts';
import { incidentsJson } from '#formats/statuspage.ts';
import { getApiSnapshot } from '#services/publicApi.ts';

export const GET: APIRoute = async ({ locals }) => {
  const snapshot = await getApiSnapshot(locals.ctx, { incidents: 'open' });
  return publicJson(incidentsJson(snapshot), snapshot.version);
};
