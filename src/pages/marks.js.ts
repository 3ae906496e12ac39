import type { APIRoute } from 'astro';
import { minifySync, transformWithOxc } from 'vite';
import source from '#components/public/marks.ts?raw';

/** A file like any other, as /embed/status.js is. */
export const prerender = true;

/** The script of the marks, which pages ask for when someone comes to one. */
export const GET: APIRoute = async () => {
  const { code } = await transformWithOxc(source, 'marks.ts', { target: 'es2022' });
  return new Response(minifySync('marks.js', code, { module: true }).code, {
    headers: { 'content-type': 'text/javascript; charset=utf-8' },
  });
};
