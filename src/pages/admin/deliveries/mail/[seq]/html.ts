import type { APIRoute } from 'astro';
import { readMail } from '#services/deliveries.ts';
import { mailResponse } from '../../../_mail.ts';
import { seqFrom } from '../../../_seq.ts';

/** One person's copy of a mail, links included. */
export const GET: APIRoute = async ({ locals, params }) => {
  const { html } = await readMail(locals.ctx, seqFrom(params.seq) ?? 0);
  return mailResponse(html);
};
