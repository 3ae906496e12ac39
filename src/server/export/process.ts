import type { Logger } from 'pino';
import type { Config } from '#config';
import { closeFoghorn, getFoghorn } from '../context.ts';
import { keepExport } from './keepExport.ts';
import { createSite } from './site.ts';
import { writeExport } from './writeExport.ts';

/** What the command line is told by the server that it has started with `--export`. */
export type ExportResult = { files: string[] } | { error: { message: string; code: string | undefined } };

/** The server with `--export FOLDER`: writes one export into a folder that is not there yet, tells who has started it, and ends. */
export async function exportTo(config: Config, log: Logger, folder: string): Promise<void> {
  forOthersToRead();
  const result = await writeExport(await getFoghorn(), createSite(config, log), folder, null).then(
    ({ tree }): ExportResult => ({ files: tree?.listing.files ?? [] }),
    ({ message, code }: NodeJS.ErrnoException): ExportResult => ({ error: { message, code } }),
  );
  await closeFoghorn();
  if (process.send) process.send(result, () => process.disconnect());
  else console.log(JSON.stringify(result));
  if ('error' in result) process.exitCode = 1;
}

/** The server with `--keep-export`: keeps EXPORT_DIR for as long as the server that has started it runs. */
export async function exportForEver(config: Config, log: Logger): Promise<void> {
  forOthersToRead();
  if (!config.exportDir) throw new Error('EXPORT_DIR is not set.');
  // A server that is gone, however it ended, starts another one when it comes back. Nothing is lost by stopping half-way.
  process.once('disconnect', () => process.exit(0));
  if (process.send && !process.connected) process.exit(0);
  await keepExport({
    foghorn: await getFoghorn(),
    site: createSite(config, log),
    log,
    folder: config.exportDir,
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
}

/** Another user's server reads it. */
function forOthersToRead(): void {
  process.umask(0o022);
}
