import type { APIRoute } from 'astro';
import { mailResponse } from '../../../_mail.ts';
import { draftMail } from './_mend.ts';

/** The mended mail of the draft that the signed-in person has kept, for the frame beside the form. */
export const GET: APIRoute = async ({ locals, params }) =>
  mailResponse(await draftMail(locals.ctx, params.id as string, 'mail'));
