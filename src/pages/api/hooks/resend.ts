import type { APIRoute } from 'astro';
import { readResendEvent } from '#delivery/events.ts';
import { signatureProblem } from '#delivery/webhookSignature.ts';
import { applySoon, receiveEvent } from '#services/receipts.ts';

/** Far above any event of a mail with one recipient. */
const MAX_BYTES = 256 * 1024;

/**
 * What Resend tells of our mails (https://resend.com/docs/webhooks). Verified before anything is parsed, stored, answered, and only
 * then applied. A repeat is answered as the first one was. Resend tries again whenever the answer is no 2xx.
 */
export const POST: APIRoute = async ({ request, locals }) => {
  const { ctx, resendWebhookSecret: secret } = locals;
  if (!secret) return say(503, 'Webhooks of Resend are not set up here: RESEND_WEBHOOK_SECRET is not set.');
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.length > MAX_BYTES) return say(413, 'This webhook is larger than any that Resend sends.');
  const header = (name: string) =>
    request.headers.get(`svix-${name}`) ?? request.headers.get(`webhook-${name}`);
  const signed = { id: header('id'), timestamp: header('timestamp'), signature: header('signature') };
  const problem = signatureProblem(signed, bytes, { secret, now: ctx.now() });
  if (problem) return say(401, problem);
  const body = textOf(bytes);
  if (body === null) return say(400, 'The webhook’s body is no text.');
  await receiveEvent(ctx, {
    ...readResendEvent(body),
    provider: 'resend',
    eventId: signed.id as string,
    body,
  });
  applySoon(ctx);
  return say(200, 'Thank you.');
};

/** Resend only ever posts; whoever opens the address is told so. */
export const ALL: APIRoute = () => {
  const answer = say(405, 'Resend posts its webhooks here; there is nothing to read.');
  answer.headers.set('Allow', 'POST');
  return answer;
};

/** null when it is no UTF-8, or holds a NUL, which JSON cannot and PostgreSQL does not take. */
function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

function say(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  });
}
