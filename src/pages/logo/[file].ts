import type { APIRoute } from 'astro';
import { orNull } from '#components/public/notFound.ts';
import { NEVER_CHANGES } from '#formats/publicJson.ts';
import { getLogo } from '#services/brand.ts';

/** The owner's logo, by the hash of its bytes: what is at an address never changes. */
export const GET: APIRoute = async ({ locals, params }) => {
  const [hash = '', ending] = (params.file ?? '').split('.');
  const logo = await orNull(getLogo(locals.ctx, hash));
  if (!logo || ending !== (logo.type === 'image/png' ? 'png' : 'svg'))
    return new Response('There is no such logo.\n', { status: 404 });
  return new Response(new Uint8Array(logo.body), {
    headers: {
      'content-type': logo.type === 'image/png' ? logo.type : `${logo.type}; charset=utf-8`,
      'cache-control': NEVER_CHANGES,
      // Opened by itself it is a page, too: it draws, and nothing else.
      'content-security-policy': "default-src 'none'; sandbox",
    },
  });
};
