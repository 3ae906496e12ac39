import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { AppError } from '#domain/errors.ts';
import { importSubscribers } from '#services/subscriberImport.ts';
import { type Command, readArguments } from './command.ts';
import { withInstallation } from './installation.ts';
import { counted, grouped, progressBar, seconds } from './progress.ts';

export const importSubscribersCommand: Command = {
  help: `
  foghorn import subscribers <file.csv>      (- reads standard input)

The first line names the columns: email, and optionally components (names or ids of components or groups, between
semicolons; empty for the whole page) and locale. Everyone is confirmed at once and nobody is mailed. Who unsubscribed
before, or whose mail bounced, stays out. A second run adds no one twice.

  email,components,locale
  ada@example.com,,en
  ben@example.com,Checkout;Card payments,de`,
  async run(args, io) {
    const { positionals } = readArguments(args, {}, ['CSV file']);
    const file = positionals[0] as string;
    const size = file === '-' ? 0 : await sizeOf(file);
    let read = 0;
    const pieces = (async function* () {
      const stream = file === '-' ? process.stdin : createReadStream(file);
      const decoder = new TextDecoder();
      for await (const piece of stream as AsyncIterable<Buffer>) {
        read += piece.length;
        yield decoder.decode(piece, { stream: true });
      }
      yield decoder.decode();
    })();
    await withInstallation({ create: true }, async (_, ctx) => {
      const started = performance.now();
      const report = await importSubscribers(ctx, pieces, {
        onProgress: ({ rows, added }) =>
          io.progress(progressBar(read, size, `${counted(rows, 'row')}, ${grouped(added)} added`)),
      });
      io.progress('');
      for (const { line, reason } of report.skipped) io.out(`line ${line}: ${reason}`);
      const left = report.bad + report.repeated + report.unsubscribed + report.suppressed;
      if (left > report.skipped.length)
        io.out(`and ${counted(left - report.skipped.length, 'more line')} left out for such reasons`);
      io.out(
        `Read ${counted(report.rows, 'row')}: added ${grouped(report.added)}, already here ${grouped(report.existing)}, ` +
          `written twice ${grouped(report.repeated)}, unsubscribed before ${grouped(report.unsubscribed)}, ` +
          `must not be mailed ${grouped(report.suppressed)}, unreadable ${grouped(report.bad)}. ` +
          `It took ${seconds(performance.now() - started)}.`,
      );
    });
  },
};

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile()) return found.size;
  throw new AppError('not_found', `There is no file ${file}.`, { fix: 'Check the path.' });
}
