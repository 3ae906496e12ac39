import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A new public id: 12 characters of [a-z0-9], 62 bits. */
export function newId(): string {
  let id = '';
  while (id.length < 12) {
    // 252 is the largest multiple of 36 in a byte: what lies above would favour some letters.
    for (const byte of randomBytes(16)) if (byte < 252 && id.length < 12) id += ALPHABET[byte % 36];
  }
  return id;
}

/** A secret for a link that is kept only as its hash: 32 characters, 192 bits. */
export function newSecret(): string {
  return randomBytes(24).toString('base64url');
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** HMAC-SHA256 (RFC 2104) over purpose and value, cut to 192 bits: 32 characters of base64url. */
export function signerFor(secretKey: string): (purpose: string, value: string) => string {
  return (purpose, value) =>
    createHmac('sha256', secretKey).update(`${purpose}\n${value}`).digest('base64url').slice(0, 32);
}

/** Compares without telling by its time how much was right. */
export function sameSecret(a: string, b: string): boolean {
  const left = Buffer.from(hashSecret(a));
  return timingSafeEqual(left, Buffer.from(hashSecret(b)));
}
