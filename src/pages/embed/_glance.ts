import { orNull } from '#components/public/notFound.ts';
import { badgeSvg } from '#formats/badge.ts';
import { glanceJson } from '#formats/glanceJson.ts';
import { publicJson } from '#formats/publicJson.ts';
import { getGlance } from '#services/glance.ts';

type Ctx = App.Locals['ctx'];

/** @param id of a component or a group; null for the whole page */
export async function glanceAnswer(ctx: Ctx, id: string | null): Promise<Response> {
  const view = await orNull(getGlance(ctx, id));
  if (view)
    return publicJson(glanceJson(view.glance, { siteUrl: ctx.site.url, now: view.now }), view.version);
  return Response.json(
    { error: 'There is no component or group with that id.' },
    { status: 404, headers: { 'access-control-allow-origin': '*' } },
  );
}

/** @param id of a component or a group; null for the whole page */
export async function badgeAnswer(ctx: Ctx, id: string | null): Promise<Response> {
  const view = await orNull(getGlance(ctx, id));
  if (!view) return new Response('There is no component or group with that id.\n', { status: 404 });
  return new Response(badgeSvg(view.glance), {
    headers: {
      'content-type': 'image/svg+xml; charset=utf-8',
      // An image in another site's page, which may also want to read it.
      'access-control-allow-origin': '*',
      'x-foghorn-version': String(view.version),
    },
  });
}
