import type { APIRoute } from 'astro';
import { minifySync, transformWithOxc } from 'vite';
import source from '#components/embed/element.ts?raw';

/** Made when the site is built, and by the development server at each request: a file like any other. */
export const prerender = true;

/** The script of `<foghorn-status>`, small. */
export const GET: APIRoute = async () => {
  const { code } = await transformWithOxc(source, 'element.ts', { target: 'es2022' });
  return new Response(minifySync('element.js', code, { module: false }).code, {
    headers: { 'content-type': 'text/javascript; charset=utf-8' },
  });
};
