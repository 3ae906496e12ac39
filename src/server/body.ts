import type { IncomingMessage } from 'node:http';

export const MAX_BODY_BYTES = 1024 * 1024;

export type Body = { outcome: 'read'; bytes: Buffer | null } | { outcome: 'too_large' } | { outcome: 'gone' };

/**
 * The request's body, counted as it comes in: what is declared or grows too large is refused without being kept. `gone` when the
 * client left before the end.
 */
export async function readBody(request: IncomingMessage, limit = MAX_BODY_BYTES): Promise<Body> {
  if (declaresTooMuch(request, limit)) return { outcome: 'too_large' };
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) return { outcome: 'too_large' };
      chunks.push(chunk);
    }
  } catch {
    return { outcome: 'gone' };
  }
  return { outcome: 'read', bytes: size ? Buffer.concat(chunks, size) : null };
}

/** Known before a byte of it has come. */
export function declaresTooMuch(request: IncomingMessage, limit = MAX_BODY_BYTES): boolean {
  return Number(request.headers['content-length'] ?? 0) > limit;
}
