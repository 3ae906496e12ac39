import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompressSync, zstdDecompress } from 'node:zlib';
import type { NewBatch, TransportName } from '#db/batches.ts';

const decompress = promisify(zstdDecompress);

/**
 * The idempotency key: from who is in the batch and how often it had to be made anew, never from its bytes. Should a batch ever be
 * built twice, the second call meets the first one's key and is turned away, in place of going out under a new one.
 */
export function batchKey(
  transport: TransportName,
  generation: number,
  deliverySeqs: readonly number[],
): string {
  const membership = `${transport}\n${generation}\n${deliverySeqs.join(',')}`;
  return `b1/${createHash('sha256').update(membership).digest('hex')}`;
}

/** Everything about a batch that is stored before its first call. */
export async function freezeBatch(
  transport: TransportName,
  batch: { generation: number; priority: number; deliverySeqs: readonly number[]; bytes: Buffer },
): Promise<NewBatch> {
  // A third of a millisecond for a hundred mails: less than it costs to have it done by another thread.
  const body = zstdCompressSync(batch.bytes, { params: COMPRESSION });
  return {
    transport,
    key: batchKey(transport, batch.generation, batch.deliverySeqs),
    generation: batch.generation,
    priority: batch.priority,
    size: batch.deliverySeqs.length,
    body,
    bodySha256: sha256(body),
  };
}

/** Quick, and with a checksum of the bytes that went in: with the hash of what is stored it vouches for all of it, at little cost. */
const COMPRESSION = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };

/** The stored bytes; null when they are not the ones that were frozen, and so must not be sent under their key. */
export async function thawBody(batch: { body: Buffer; bodySha256: string }): Promise<Buffer | null> {
  if (sha256(batch.body) !== batch.bodySha256) return null;
  return decompress(batch.body).catch(() => null);
}

/** Cuts a body's entries in two; each half is a body of its own. */
export function splitBody(bytes: Buffer): [first: Buffer, second: Buffer] {
  const entries = JSON.parse(bytes.toString()) as unknown[];
  const middle = Math.ceil(entries.length / 2);
  return [
    Buffer.from(JSON.stringify(entries.slice(0, middle))),
    Buffer.from(JSON.stringify(entries.slice(middle))),
  ];
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
