import type { APIRoute } from 'astro';
import { cssHash } from '#components/public/brandCss.ts';
import { faviconCss, faviconSvg } from '#formats/favicon.ts';
import { getGlance } from '#services/glance.ts';

/** The sign in the browser's tab says how things are, too. */
export const GET: APIRoute = async ({ locals }) => {
  const { glance, version } = await getGlance(locals.ctx, null);
  return new Response(faviconSvg(glance.status), {
    headers: {
      'content-type': 'image/svg+xml; charset=utf-8',
      // It has a style of its own, for dark windows.
      'content-security-policy': `default-src 'none'; style-src '${cssHash(faviconCss(glance.status))}'`,
      'x-foghorn-version': String(version),
    },
  });
};
