import { createHash } from 'node:crypto';
import { link, mkdir, open, readFile, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Answer, headerOf } from '../answer.ts';
import { bestForms, makeSendable } from '../cache/sendable.ts';
import { nginxHeaders, type Spoken } from './nginxHeaders.ts';
import { nginxLanguages } from './nginxLanguages.ts';
import { type Exported, NOT_FOUND, OWN_FOLDER } from './site.ts';

/** A whole export on disk: what a server of files is pointed at. */
export type Tree = { folder: string; listing: Listing };

/** `.foghorn-export/files.json`: every file below, and what a store of objects is to be told about each. */
export type Listing = {
  version: number;
  /** The same bytes compress to the same bytes under these alone. */
  compressedBy: string;
  answers: {
    path: string;
    file: string;
    type: string;
    cacheControl: string;
    sha256: string;
    forms: string[];
  }[];
  /** Everything that was written, this file left out. */
  files: string[];
};

export const LISTING = `${OWN_FOLDER}/files.json`;
const MAPS = `${OWN_FOLDER}/nginx-maps.conf`;
const HEADERS = `${OWN_FOLDER}/nginx-headers.conf`;
const COMPRESSED_BY = `zlib ${process.versions.zlib}, brotli ${process.versions.brotli}`;
const ENDINGS = { br: '.br', gzip: '.gz' } as const;

export type TreeWriter = {
  /** Takes one file. Its bytes are on disk before the next is asked for; what is as it was costs nothing. */
  add: (exported: Exported) => Promise<void>;
  /**
   * Compresses what is new, takes over what is not, and lists it all. Everything is synced to disk.
   * @returns null when all of it is as it was before: there is nothing to swap
   */
  finish: (version: number) => Promise<Tree | null>;
};

/**
 * Writes an export into a folder that is not there yet. What has not changed since `before` is linked to it, not written again, and keeps
 * its date, which is what nginx makes its ETag of.
 */
export function createTree(folder: string, before: Tree | null): TreeWriter {
  const old = new Map(
    before?.listing.compressedBy === COMPRESSED_BY
      ? before.listing.answers.map((answer) => [answer.file, answer])
      : [],
  );
  const answers: Listing['answers'] = [];
  const spoken: Spoken[] = [];
  const fresh: { answer: Listing['answers'][number]; given: Answer }[] = [];
  const folders = new Set<string>();

  async function placeFor(file: string): Promise<string> {
    const parent = dirname(join(folder, file));
    if (!folders.has(parent)) await mkdir(parent, { recursive: true });
    for (let each = parent; each.length >= folder.length; each = dirname(each)) folders.add(each);
    return join(folder, file);
  }
  const write = async (file: string, bytes: Buffer | string, at?: number): Promise<void> =>
    writeSynced(await placeFor(file), bytes, at);

  return {
    async add({ path, file, sendable }) {
      const { answer: given } = sendable;
      const answer = {
        path,
        file,
        type: headerOf(given, 'content-type') ?? 'application/octet-stream',
        cacheControl: headerOf(given, 'cache-control') ?? 'no-store',
        sha256: createHash('sha256').update(given.body).digest('hex'),
        forms: [] as string[],
      };
      answers.push(answer);
      spoken.push({ file, headers: given.headers });
      const same = old.get(file);
      if (same?.sha256 === answer.sha256 && same.type === answer.type) {
        answer.forms = same.forms;
        return;
      }
      await write(file, given.body);
      fresh.push({ answer, given: { ...given, body: Buffer.alloc(0) } });
    },

    async finish(version) {
      const { maps: said, headers } = nginxHeaders(spoken, policyOfUnknown(spoken));
      const maps = said + nginxLanguages(spoken.map(({ file }) => file));
      if (before && !fresh.length && (await isAsBefore(before, answers, { maps, headers }))) return null;
      const written = new Set(fresh.map(({ answer }) => answer));
      for (const { answer, given } of fresh) {
        const at = await dateFor(before && join(before.folder, answer.file));
        const body = await readFile(join(folder, answer.file));
        await utimes(join(folder, answer.file), at, at);
        for (const [form, bytes] of Object.entries(await bestForms(makeSendable({ ...given, body })))) {
          answer.forms.push(form);
          await write(answer.file + ENDINGS[form as keyof typeof ENDINGS], bytes, at);
        }
      }
      for (const answer of answers.filter((each) => !written.has(each)))
        for (const file of filesOf(answer))
          await takeOver(join((before as Tree).folder, file), await placeFor(file));
      await write(MAPS, maps);
      await write(HEADERS, headers);
      const files = [...answers.flatMap(filesOf), MAPS, HEADERS];
      const listing: Listing = { version, compressedBy: COMPRESSED_BY, answers, files };
      // Last: a tree without it is not finished.
      await writeSynced(await placeFor(LISTING), `${JSON.stringify(listing)}\n`, undefined, 'w');
      for (const each of folders) await syncFolder(each);
      return { folder, listing };
    },
  };
}

/** The export in a folder; null when there is none that could be read. */
export async function readTree(folder: string): Promise<Tree | null> {
  try {
    const listing = JSON.parse(await readFile(join(folder, LISTING), 'utf8')) as Listing;
    return Array.isArray(listing.answers) ? { folder, listing } : null;
  } catch {
    return null;
  }
}

/** So that a power cut does not undo what was renamed in it. Not every system lets a folder be opened. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/**
 * nginx knows the styles of no page of which there is none yet, and is not told before it is loaded again: until then it lets any stand in the page.
 * Scripts are those of every page.
 */
function policyOfUnknown(spoken: readonly Spoken[]): string {
  const headers = spoken.find(({ file }) => file === NOT_FOUND)?.headers ?? [];
  const policy = headers.find(([name]) => name === 'content-security-policy')?.[1] ?? "default-src 'none'";
  return policy.replace(/style-src [^;]*/, "style-src 'self' 'unsafe-inline'");
}

function filesOf({ file, forms }: Listing['answers'][number]): string[] {
  return [file, ...forms.map((form) => file + ENDINGS[form as keyof typeof ENDINGS])];
}

async function isAsBefore(
  before: Tree,
  answers: Listing['answers'],
  nginx: { maps: string; headers: string },
): Promise<boolean> {
  if (JSON.stringify(answers) !== JSON.stringify(before.listing.answers)) return false;
  const read = (file: string) => readFile(join(before.folder, file), 'utf8').catch(() => null);
  return (await read(MAPS)) === nginx.maps && (await read(HEADERS)) === nginx.headers;
}

/** In whole seconds, and always later than what stood there: nginx tells two states of a page apart by date and length alone. */
async function dateFor(previous: string | null): Promise<number> {
  const now = Math.floor(Date.now() / 1000);
  const last = previous ? await stat(previous).catch(() => null) : null;
  return last ? Math.max(now, Math.floor(last.mtimeMs / 1000) + 1) : now;
}

/** A link, where the file system has them. */
async function takeOver(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await writeSynced(to, await readFile(from), (await stat(from)).mtimeMs / 1000);
  }
}

async function writeSynced(file: string, bytes: Buffer | string, at?: number, flags = 'wx'): Promise<void> {
  const handle = await open(file, flags);
  try {
    await handle.writeFile(bytes);
    if (at !== undefined) await handle.utimes(at, at);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
