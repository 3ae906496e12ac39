import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ENTRY } from './build.ts';
import type { Contents } from './replaceFolder.ts';

/** The list of everything that the server wrote, which it puts there last. */
const MARKER = '.foghorn-export/files.json';

type Told = { files: string[] } | { error: { message: string; code: string | undefined } };

/** Everything public, as the built server writes it: it alone can render the pages. It does not listen, and ends when it is done. */
export function publicSite(): Contents & { count: () => number } {
  let count = 0;
  return {
    marker: MARKER,
    count: () => count,
    async write(fresh) {
      const marker = join(fresh, MARKER);
      await mkdir(dirname(marker), { recursive: true, mode: 0o755 });
      // The marker first, so that what a crash leaves behind is known for ours.
      await writeFile(marker, '{"files":[]}\n');
      count = (await askServer(fresh)).length;
    },
  };
}

/** @returns the files @throws what stopped it */
async function askServer(folder: string): Promise<string[]> {
  const server = fork(ENTRY, ['--export', folder], {
    // Standard output belongs to the command's own result.
    stdio: ['ignore', process.stderr, process.stderr, 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent' },
    execArgv: [],
  });
  let told: Told | null = null;
  server.on('message', (message: Told) => {
    told = message;
  });
  await once(server, 'close');
  const said = told as Told | null;
  if (!said) throw new Error('The server ended before it had written everything.');
  if ('files' in said) return said.files;
  throw Object.assign(new Error(said.error.message), { code: said.error.code });
}
