import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

export type Answered = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Decompressed. */
  body: string;
  /** As it came over the wire. */
  bytes: Buffer;
};

/** One request on a connection of its own, with exactly these headers and this target: nothing is normalised as `fetch` would. */
export function ask(
  url: string,
  target = '/',
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answered> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        hostname,
        port,
        path: target,
        method: options.method ?? 'GET',
        headers: options.headers ?? {},
        agent: false,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: incoming.statusCode as number,
            headers: incoming.headers,
            body: decoded(bytes, incoming.headers['content-encoding']),
            bytes,
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

function decoded(bytes: Buffer, encoding: string | undefined): string {
  if (!bytes.length) return '';
  if (encoding === 'br') return brotliDecompressSync(bytes).toString('utf8');
  return (encoding === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
}
