import type { APIRoute } from 'astro';
import { takeFeedTurn } from '#auth/feedLimits.ts';
import { hashSecret } from '#auth/tokens.ts';
import { AppError, httpStatus } from '#domain/errors.ts';
import { readDutyFeed } from '#services/dutyFeeds.ts';

const HEADERS = { 'cache-control': 'no-store', 'x-robots-tag': 'noindex, nofollow, noarchive' };

/** The rota as a calendar, for whoever has its address. No cookie counts. */
export const GET: APIRoute = async ({ locals, params }) => {
  try {
    const turn = await takeFeedTurn(locals.clientAddress);
    if (!turn.ok)
      throw new AppError('too_many', 'This was asked for too often.', {
        fix: `Wait ${turn.retryAfter} seconds.`,
        retryAfter: turn.retryAfter,
      });
    const calendar = await readDutyFeed(locals.ctx, hashSecret(params.token as string));
    return new Response(calendar, {
      headers: {
        ...HEADERS,
        'content-type': 'text/calendar; charset=utf-8',
        'content-disposition': 'inline; filename="duty.ics"',
      },
    });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return new Response(`${error.message} ${error.fix ?? ''}\n`, {
      status: httpStatus(error),
      headers: {
        ...HEADERS,
        'content-type': 'text/plain; charset=utf-8',
        ...(error.retryAfter && { 'retry-after': String(error.retryAfter) }),
      },
    });
  }
};
