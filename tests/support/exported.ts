import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { ROOT } from './build.ts';
import { type Answered, ask } from './http.ts';
import type { TestServer } from './server.ts';

export type Listed = {
  version: number;
  answers: {
    path: string;
    file: string;
    type: string;
    cacheControl: string;
    sha256: string;
    forms: string[];
  }[];
  files: string[];
};

/** The list that an export has of itself. */
export function listingOf(folder: string): Listed {
  return JSON.parse(readFileSync(join(folder, '.foghorn-export/files.json'), 'utf8'));
}

/** Every file below, by its path. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** What is not as its list says: missing, torn, foreign, or compressed from something else. */
export function faultsOf(folder: string): string[] {
  const { answers, files } = listingOf(folder);
  const wrong: string[] = [];
  for (const { file, sha256, forms } of answers) {
    const bytes = readFileSync(join(folder, file));
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) wrong.push(`${file} is torn`);
    for (const form of forms) {
      const small = readFileSync(join(folder, `${file}.${form === 'br' ? 'br' : 'gz'}`));
      const plain = form === 'br' ? brotliDecompressSync(small) : gunzipSync(small);
      if (!plain.equals(bytes)) wrong.push(`${file} has another ${form}`);
    }
  }
  const listed = new Set([...files, '.foghorn-export/files.json']);
  for (const file of filesBelow(folder)) if (!listed.delete(file)) wrong.push(`${file} is not listed`);
  return [...wrong, ...[...listed].map((file) => `${file} is missing`)];
}

/** The tree that `current` leads to now. */
export function currentTree(exportDir: string): string {
  return join(exportDir, readlinkSync(join(exportDir, 'current')));
}

/** Resolves when the export holds this page version, or a later one. */
export async function exportedVersion(exportDir: string, version: number): Promise<string> {
  for (;;) {
    if (existsSync(join(exportDir, 'current'))) {
      const tree = currentTree(exportDir);
      if (listingOf(tree).version >= version) return tree;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What no file can answer, as the example configuration of nginx has it. */
export const NEEDS_SERVER = new RegExp(
  [
    ...(/map \$uri \$foghorn_away \{[\s\S]*?\n\}/
      .exec(readFileSync(join(ROOT, 'deploy/nginx.conf'), 'utf8'))?.[0]
      .matchAll(/"~([^"]+)" 1;/g) ?? []),
  ]
    .map(([, pattern]) => pattern)
    .join('|') || '$none',
);

export const ENCODINGS = { '': 'identity', '.gz': 'gzip', '.br': 'br' } as const;

/** The live answer; of those that are compressed twice the smaller one, which everyone but the first is sent. */
export async function askTwice(server: TestServer, path: string, encoding: string): Promise<Answered> {
  for (;;) {
    const answer = await ask(server.url, path, {
      headers: { host: new URL(server.url).host, 'accept-encoding': encoding },
    });
    if (
      answer.status !== 200 ||
      answer.headers['content-encoding'] !== 'br' ||
      !/-br"$/.test(String(answer.headers.etag))
    )
      return answer;
  }
}
