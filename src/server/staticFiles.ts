import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FOR_ANY_ORIGIN, NEVER_CHANGES } from '#formats/publicJson.ts';
import type { Answer } from './answer.ts';
import { makeSendable, type Sendable } from './cache/sendable.ts';

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.xml': 'application/xml; charset=utf-8',
};

const MAX_TOTAL_BYTES = 32 * 1024 * 1024;

/**
 * The built files by URL path, read once: a request never touches the disk and no path of a visitor's making ever reaches it. What
 * lies in `_astro/` has its hash in its name and never changes.
 * @throws when there is more than a status page could need, which means that something else was built in
 */
export function loadStaticFiles(
  folder: string,
  finish: (answer: Answer, path: string) => Answer,
): Map<string, Sendable> {
  const files = new Map<string, Sendable>();
  if (!existsSync(folder)) return files;
  let total = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (!statSync(file).isFile()) continue;
    const path = `/${name.replaceAll('\\', '/')}`;
    const body = readFileSync(file);
    total += body.length;
    if (total > MAX_TOTAL_BYTES) throw new Error(`${folder} holds more than ${MAX_TOTAL_BYTES} bytes.`);
    const answer: Answer = {
      status: 200,
      headers: [
        ['content-type', TYPES[extname(name)] ?? 'application/octet-stream'],
        ['cache-control', path.startsWith('/_astro/') ? NEVER_CHANGES : 'public, max-age=3600'],
        // So that a host may load it with crossorigin and integrity.
        ...(path === '/embed/status.js' ? Object.entries(FOR_ANY_ORIGIN) : []),
      ],
      body,
    };
    files.set(path, makeSendable(finish(answer, path)));
  }
  return files;
}

/** The built client files lie beside the server's folder, whichever chunk this module was bundled into. */
export function clientFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const client = join(folder, 'client');
    if (existsSync(client) || folder === dirname(folder)) return client;
  }
}
