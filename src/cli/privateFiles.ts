import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Contents } from './replaceFolder.ts';

const MARKER = '.foghorn-private-export';

/** These files as a folder for its owner alone: folders 0700, files 0600. */
export function privateFiles(files: readonly { path: string; text: string }[]): Contents {
  return {
    marker: MARKER,
    async write(fresh) {
      await mkdir(fresh, { mode: 0o700 });
      const marker = { path: MARKER, text: `${JSON.stringify({ files: files.map(({ path }) => path) })}\n` };
      // The marker first, so that what a crash leaves behind is known for ours.
      for (const { path, text } of [marker, ...files]) {
        const file = join(fresh, ...path.split('/'));
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        const handle = await open(file, 'wx', 0o600);
        try {
          await handle.writeFile(text);
          await handle.sync();
        } finally {
          await handle.close();
        }
      }
    },
  };
}
