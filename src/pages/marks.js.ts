import type { APIRoute } from 'astro';
import { minifySync, transformWithOxc } from 'vite';
import { LATER_SOURCE } from '#components/public/marksScript.ts';

/** A file like any other, as /embed/status.js is. */
export const prerender = true;

/** What pages ask for when someone comes to a mark, or stays. */
export const GET: APIRoute = async () => {
  const { code } = await transformWithOxc(LATER_SOURCE, 'marks.ts', { target: 'es2022' });
  return new Response(minifySync('marks.js', code, { module: true }).code, {
    headers: { 'content-type': 'text/javascript; charset=utf-8' },
  });
};
