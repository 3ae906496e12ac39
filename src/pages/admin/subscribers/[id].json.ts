import type { APIRoute } from 'astro';
import { httpStatus } from '#domain/errors.ts';
import { getSubscriberFile } from '#services/subscriberRecords.ts';

/** Everything that is kept about one person, to be given to them when they ask. */
export const GET: APIRoute = async ({ locals, params }) => {
  try {
    const { person, suppressed, mails } = await getSubscriberFile(locals.ctx, params.id as string);
    const { seq: _, ...kept } = person;
    return Response.json({ ...kept, mustNotBeMailed: suppressed, mails });
  } catch (error) {
    const status = httpStatus(error);
    if (status === 500) throw error;
    return Response.json({ error: (error as Error).message }, { status });
  }
};
