import { orNull } from '#components/public/notFound.ts';
import { badgeSvg } from '#formats/badge.ts';
import { type GlanceSpeech, glanceJson } from '#formats/glanceJson.ts';
import { publicJson } from '#formats/publicJson.ts';
import { getGlance } from '#services/glance.ts';

type Locals = Pick<App.Locals, 'ctx' | 'words'>;

/** @param id of a component or a group; null for the whole page */
export async function glanceAnswer({ ctx, words }: Locals, id: string | null): Promise<Response> {
  const view = await orNull(getGlance(ctx, id, words.headline));
  if (view) {
    const { url: siteUrl, languages } = ctx.site;
    const speech = speechOf(words, languages);
    return publicJson(glanceJson(view.glance, { siteUrl, now: view.now, speech }), view.version);
  }
  return Response.json(
    { error: 'There is no component or group with that id.' },
    { status: 404, headers: { 'access-control-allow-origin': '*' } },
  );
}

function speechOf(
  { locale, dir, tag, to, pages }: Locals['words'],
  languages: readonly string[],
): GlanceSpeech {
  const { status, promise, glance } = pages;
  return { lang: locale, dir, tag, languages, to, statuses: status, promise, asOf: glance.asOf };
}

/** @param id of a component or a group; null for the whole page */
export async function badgeAnswer({ ctx, words }: Locals, id: string | null): Promise<Response> {
  const view = await orNull(getGlance(ctx, id, words.headline));
  if (!view) return new Response('There is no component or group with that id.\n', { status: 404 });
  const { locale: lang, dir } = words;
  return new Response(badgeSvg(view.glance, { lang, dir }), {
    headers: {
      'content-type': 'image/svg+xml; charset=utf-8',
      // An image in another site's page, which may also want to read it.
      'access-control-allow-origin': '*',
      'x-foghorn-version': String(view.version),
    },
  });
}
