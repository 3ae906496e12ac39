import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompressSync, zstdDecompress } from 'node:zlib';
import type { NewBatch, TransportName } from '#db/batches.ts';

const decompress = promisify(zstdDecompress);

/** Who is told what, by their public ids: a restored database counts its deliveries again, and another one counts its own. */
export type Told = { noticeId: string; recipientId: string };

/**
 * The idempotency key: from who is told what in the batch, of which installation, and how often it had to be made anew; never from its
 * bytes. Should a batch ever be built twice, by a restored copy say, the second call meets the first one's key and is turned away, in place
 * of going out under a new one. Whatever else uses the same account never has the key.
 * @param mark of the installation (`installationMark`)
 */
export function batchKey(
  transport: TransportName,
  { mark, generation }: { mark: string; generation: number },
  members: readonly Told[],
): string {
  const told = members.map(({ noticeId, recipientId }) => `${noticeId} ${recipientId}`);
  const membership = [transport, mark, generation, ...told].join('\n');
  return `b2/${createHash('sha256').update(membership).digest('hex')}`;
}

/** Everything about a batch that is stored before its first call. */
export async function freezeBatch(
  transport: TransportName,
  batch: { mark: string; generation: number; priority: number; members: readonly Told[]; bytes: Buffer },
): Promise<NewBatch> {
  // A third of a millisecond for a hundred mails: less than it costs to have it done by another thread.
  const body = zstdCompressSync(batch.bytes, { params: COMPRESSION });
  return {
    transport,
    key: batchKey(transport, batch, batch.members),
    generation: batch.generation,
    priority: batch.priority,
    size: batch.members.length,
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
