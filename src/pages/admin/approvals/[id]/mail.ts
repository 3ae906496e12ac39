import type { APIRoute } from 'astro';
import { getApproval } from '#services/approvalViews.ts';
import { mailResponse } from '../../_mail.ts';

/** The mail that would go out, for the frame on the screen of the approval. */
export const GET: APIRoute = async ({ locals, params }) => {
  const { mail } = await getApproval(locals.ctx, params.id as string);
  return mailResponse(mail?.html ?? '<!doctype html><title>It cannot be posted any more</title>');
};
