import type { APIRoute } from 'astro';
import { problemsFrom } from '#components/admin/forms.ts';
import { httpStatus } from '#domain/errors.ts';
import { draftPreview } from '../_draft.ts';

/** What surrounds the mail: its subject and text, the page's version, how many it reaches, and what is in the way. */
export const GET: APIRoute = async ({ locals, params }) => {
  try {
    const { html: _, url: __, ...preview } = await draftPreview(locals, params.id as string);
    return Response.json(preview);
  } catch (error) {
    return Response.json({ problems: problemsFrom(error) }, { status: httpStatus(error) });
  }
};
