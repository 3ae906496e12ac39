import type { APIRoute } from 'astro';
import { mailResponse } from '../../_mail.ts';
import { draftPreview } from '../_draft.ts';

/** The mail of the draft that the signed-in person has kept, for the frame beside the form. */
export const GET: APIRoute = async ({ locals, params }) => {
  const { html } = await draftPreview(locals, params.id as string);
  return mailResponse(html || '<!doctype html><title>Nothing to see yet</title>');
};
