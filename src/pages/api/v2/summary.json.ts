import type { APIRoute } from 'astro';
import { publicJson } from '#formats/publicJson.ts';
import { summaryJson } from '#formats/statuspage.ts';
import { getApiSnapshot } from '#services/publicApi.ts';

export const GET: APIRoute = async ({ locals }) => {
  const snapshot = await getApiSnapshot(locals.ctx, { incidents: 'open', maintenances: 'open' });
  return publicJson(summaryJson(snapshot), snapshot.version);
};
