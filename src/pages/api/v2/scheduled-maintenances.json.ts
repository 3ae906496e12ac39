import type { APIRoute } from 'astro';
import { publicJson } from '#formats/publicJson.ts';
import { maintenancesJson } from '#formats/statuspage.ts';
import { getApiSnapshot } from '#services/publicApi.ts';

export const GET: APIRoute = async ({ locals }) => {
  const snapshot = await getApiSnapshot(locals.ctx, { maintenances: 'latest' });
  return publicJson(maintenancesJson(snapshot), snapshot.version);
};
