import type { APIRoute } from 'astro';
import { maintenanceCalendar } from '#formats/maintenanceCalendar.ts';
import { publicText } from '#formats/publicJson.ts';
import { getMaintenanceCalendar } from '#services/publicFeeds.ts';

/** Planned maintenance, for calendars that subscribe to it. */
export const GET: APIRoute = async ({ locals }) => {
  const snapshot = await getMaintenanceCalendar(locals.ctx);
  return publicText(maintenanceCalendar(snapshot), 'text/calendar', snapshot.version);
};
