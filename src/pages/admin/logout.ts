import type { APIRoute } from 'astro';
import { seeOther } from '#auth/cookies.ts';
import { signOut } from '#auth/signIn.ts';

/** Signing out works without a session too: the cookie goes, and the sign-in page says what happened by being there. */
export const POST: APIRoute = async ({ locals, request }) =>
  seeOther('/admin/login', [await signOut(locals.ctx, request.headers.get('cookie'))]);

/** GET changes nothing, so a link or a prefetch can sign no one out. */
export const ALL: APIRoute = () =>
  new Response('Sign out with the button in the admin: it sends a form.\n', {
    status: 405,
    headers: { Allow: 'POST', 'Content-Type': 'text/plain; charset=utf-8' },
  });
