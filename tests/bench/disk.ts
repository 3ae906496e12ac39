import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Figure, quantile } from './bars.ts';

const EVERY_MS = 100;
const A_PAGE = Buffer.alloc(4096, 1);

/**
 * How long the disk itself takes to keep one page, several times a second: every commit waits for that, so that a disk that stands still
 * for a moment can be told from Foghorn.
 */
export async function watchDisk(): Promise<{ stop: () => Promise<number[]> }> {
  const directory = mkdtempSync(join(tmpdir(), 'foghorn-disk-'));
  const file = await open(join(directory, 'page'), 'w');
  const waits: number[] = [];
  let stopped = false;
  const watching = watch();
  return {
    /** @returns how many milliseconds each page took */
    async stop() {
      stopped = true;
      await watching;
      await file.close();
      rmSync(directory, { recursive: true });
      return waits;
    },
  };

  async function watch(): Promise<void> {
    while (!stopped) {
      const asked = performance.now();
      await file.write(A_PAGE, 0, A_PAGE.length, 0);
      await file.datasync();
      waits.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}

export function diskFigures(what: string, waits: readonly number[]): Figure[] {
  const figure = (name: string, value: number): Figure => ({
    name: `${what} the disk itself keeps a page, ${name}`,
    value,
    unit: 'ms',
    bar: null,
  });
  return [figure('p99', quantile(waits, 0.99)), figure('at the longest', Math.max(...waits))];
}
