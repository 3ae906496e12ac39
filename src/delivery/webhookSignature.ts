import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Instant, MINUTE } from '#domain/time.ts';

/** The three headers of Standard Webhooks, whatever prefix they come under. */
export type SignedHeaders = { id: string | null; timestamp: string | null; signature: string | null };

/** How far the sender's clock may be from ours, either way. An older message may be one that someone wrote down. */
const WINDOW = 5 * MINUTE;
const MAX_ID = 200;

/**
 * Whether the body was sent by who knows the secret (Standard Webhooks, v1: HMAC-SHA256 over `id.timestamp.body`). Looks at the bytes
 * only; nothing of them is parsed.
 * @param secret `whsec_` and base64, or the base64 alone
 * @returns null when it was, else why not, in words
 */
export function signatureProblem(
  { id, timestamp, signature }: SignedHeaders,
  body: Uint8Array,
  { secret, now }: { secret: string; now: Instant },
): string | null {
  if (!id || !timestamp || !signature) return 'The headers of a signed webhook are missing.';
  if (!/^[\x21-\x7e]+$/.test(id) || id.length > MAX_ID) return 'The id of the webhook is none.';
  if (!/^\d{1,12}$/.test(timestamp)) return 'The time of the webhook is none.';
  if (Math.abs(Date.parse(now) - Number(timestamp) * 1000) > WINDOW)
    return 'The webhook is more than five minutes away from our clock.';
  const expected = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest();
  // Each is compared in full, so that the time it takes says nothing about how much was right.
  const known = signature
    .split(' ')
    .filter((each) => each.startsWith('v1,') && matches(each.slice('v1,'.length), expected));
  return known.length ? null : 'The signature of the webhook is not right.';
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
}

function matches(signature: string, expected: Buffer): boolean {
  const bytes = Buffer.from(signature, 'base64');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
