import type { APIRoute } from 'astro';
import { problemsFrom } from '#components/admin/forms.ts';
import { httpStatus } from '#domain/errors.ts';
import { getFanout } from '#services/deliveries.ts';

/** How far a message has got, for the bar of a page that is open. */
export const GET: APIRoute = async ({ locals, params }) => {
  try {
    const fanout = await getFanout(locals.ctx, params.id as string);
    const { waiting, sent, failed, leftOut, total, states, finish, going } = fanout;
    return Response.json({ waiting, sent, failed, leftOut, total, states, finish, going });
  } catch (error) {
    return Response.json({ problems: problemsFrom(error) }, { status: httpStatus(error) });
  }
};
