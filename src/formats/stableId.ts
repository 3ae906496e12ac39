import { createHash } from 'node:crypto';

/** Ours alone: what names are made from, so that nobody else's are the same. */
const NAMESPACE = Buffer.from('8d0c1a5e3b7f4e6a9c52f1d7a4b860e3', 'hex');

/**
 * A name-based UUID (RFC 9562, version 5): the same for the same record of the same page for as long as both live, at whatever
 * address the page is.
 */
export function stableUuid(pageId: string, kind: string, id: string): string {
  const bytes = createHash('sha1')
    .update(NAMESPACE)
    .update(`${pageId}/${kind}/${id}`)
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
