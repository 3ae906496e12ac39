import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { keepRunning } from './childProcess.ts';

export type WorkerProcess = {
  /** Resolves when the first one sends, or has ended without. */
  begun: Promise<void>;
  /** There may be mail to send: it looks at once. */
  wake: () => void;
  /** Resolves when it has ended, after the calls that were under way. */
  stop: () => Promise<void>;
};

/**
 * Runs `foghorn worker` beside the server: a fan-out to a million people then takes neither time nor memory from the process that answers
 * visitors, and a fault in it does not end the page.
 */
export function startWorkerProcess(log: Logger): WorkerProcess {
  const { begun, tell, stop } = keepRunning(log, {
    name: 'worker',
    file: above('src/cli/main.ts'),
    args: ['worker'],
  });
  return { begun, stop, wake: () => tell('outbox') };
}

/** Keeps EXPORT_DIR, for the same reasons in a process of its own: this very server, asked to do that alone. */
export function startExportProcess(log: Logger): { stop: () => Promise<void> } {
  return keepRunning(log, { name: 'export', file: above('entry.mjs'), args: ['--keep-export'] });
}

/** A file that lies beside whichever folder this module was bundled into, as the sources of the command line do. */
function above(name: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, name);
    if (existsSync(file) || folder === dirname(folder)) return file;
  }
}
