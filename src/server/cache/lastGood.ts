import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Answer } from '../answer.ts';

/** The last good answer of each shared path, on disk: what is shown when there is no database to ask, even right after a start. */
export type LastGood = {
  /** How many paths are kept. */
  size: () => number;
  /** Pages are kept here, or were until the page became private. */
  wasUsed: () => boolean;
  has: (path: string) => boolean;
  /** Null when there is none or its file is damaged. */
  read: (path: string) => Promise<Kept | null>;
  /** Takes the answer to be written soon, beside everything else; at most one write a path waits. */
  keep: (path: string, kept: Kept) => void;
  /** Removes all of them, and what waits to be written. */
  clear: () => void;
  /** Resolves when everything taken so far is written. */
  flush: () => Promise<void>;
};

/** `headlines`: what the page told the server of how things are, as it came. */
export type Kept = { answer: Answer; renderedAt: number; headlines?: string | undefined };

type Head = {
  path: string;
  status: number;
  headers: [string, string][];
  renderedAt: number;
  headlines?: string | undefined;
  sha256: string;
};

const MAX_FILES = 1000;
const MAX_BYTES = 64 * 1024 * 1024;
const SUFFIX = '.page';
const UNFINISHED = '.new';
/** Says that there were pages: a database that is missing beside it was lost. */
const CLEARED = 'cleared';
const CLEAR_AGAIN_MS = 5_000;
/** Older than any write takes: left by a process that was killed. */
const ABANDONED_MS = 60_000;

/** @param onError is told of a write that failed; the pages themselves go on */
export function openLastGood(folder: string, onError: (error: unknown) => void): LastGood {
  mkdirSync(folder, { recursive: true });
  const files = readIndex(folder);
  const waiting = new Map<string, Kept>();
  let writing: Promise<void> | null = null;

  let toClear = false;

  async function work(): Promise<void> {
    for (;;) {
      try {
        if (toClear) {
          await clearFolder(folder, files);
          toClear = false;
        }
        const next = waiting.entries().next();
        if (next.done) break;
        const [path, kept] = next.value;
        waiting.delete(path);
        await write(folder, path, kept);
        // Set anew, so that the index stays in the order of writing.
        files.delete(fileName(path));
        files.set(fileName(path), kept.answer.body.length);
        await dropOldest(folder, files);
      } catch (error) {
        onError(error);
        // What must not be seen any more is taken away as soon as it can be.
        if (toClear) await wait(CLEAR_AGAIN_MS);
      }
    }
    writing = null;
  }

  return {
    size: () => files.size,
    wasUsed: () => files.size > 0 || existsSync(join(folder, CLEARED)),
    has: (path) => waiting.has(path) || files.has(fileName(path)),
    read: async (path) => waiting.get(path) ?? (files.has(fileName(path)) ? readKept(folder, path) : null),
    keep: (path, kept) => {
      waiting.set(path, kept);
      writing ??= work();
    },
    clear: () => {
      waiting.clear();
      toClear = true;
      writing ??= work();
    },
    flush: async () => {
      while (writing) await writing;
    },
  };
}

/** Oldest first. */
function readIndex(folder: string): Map<string, number> {
  const all = readdirSync(folder).flatMap((name) => {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    return stat ? [{ name, stat }] : [];
  });
  for (const { name, stat } of all)
    if (name.endsWith(UNFINISHED) && Date.now() - stat.mtimeMs > ABANDONED_MS)
      rmSync(join(folder, name), { force: true });
  const found = all
    .filter(({ name }) => name.endsWith(SUFFIX))
    .sort((a, b) => a.stat.mtimeMs - b.stat.mtimeMs);
  return new Map(found.map(({ name, stat }) => [name, stat.size]));
}

/** Whole or not at all: written beside, synced, then renamed over. */
async function write(folder: string, path: string, { answer, renderedAt, headlines }: Kept): Promise<void> {
  const head: Head = {
    path,
    status: answer.status,
    headers: answer.headers.map(([name, value]) => [name, value]),
    renderedAt,
    headlines,
    sha256: sha256(answer.body),
  };
  const target = join(folder, fileName(path));
  const beside = `${target}.${randomBytes(6).toString('hex')}${UNFINISHED}`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), answer.body]));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, target);
}

async function readKept(folder: string, path: string): Promise<Kept | null> {
  try {
    const bytes = await readFile(join(folder, fileName(path)));
    const end = bytes.indexOf(10);
    const head = JSON.parse(bytes.subarray(0, end).toString('utf8')) as Head;
    const body = bytes.subarray(end + 1);
    if (head.path !== path || head.sha256 !== sha256(body)) return null;
    const { status, headers, renderedAt, headlines } = head;
    return { answer: { status, headers, body }, renderedAt, ...(headlines && { headlines }) };
  } catch {
    return null;
  }
}

/** All pages, whoever wrote them. @throws when one could not be taken away */
async function clearFolder(folder: string, files: Map<string, number>): Promise<void> {
  files.clear();
  const mark = () => writeFile(join(folder, CLEARED), '');
  const marked = await mark().then(
    () => true,
    () => false,
  );
  const failures: unknown[] = [];
  for (const name of await readdir(folder))
    if (name.endsWith(SUFFIX) || name.endsWith(UNFINISHED))
      await rm(join(folder, name), { force: true }).catch((error: unknown) => failures.push(error));
  // On a full disk there is room by now.
  if (!marked) await mark();
  if (failures.length) throw failures[0];
}

async function dropOldest(folder: string, files: Map<string, number>): Promise<void> {
  let bytes = [...files.values()].reduce((sum, size) => sum + size, 0);
  for (const [name, size] of files) {
    if (files.size <= MAX_FILES && bytes <= MAX_BYTES) return;
    files.delete(name);
    bytes -= size;
    await rm(join(folder, name), { force: true });
  }
}

function fileName(path: string): string {
  return `${sha256(Buffer.from(path)).slice(0, 32)}${SUFFIX}`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
