import type { Remark } from '#domain/statuspage.ts';
import { importStatuspage } from '#services/statuspageImport.ts';
import type { ImportCount, ImportReport } from '#services/statuspageImportReport.ts';
import { type Command, type Io, readArguments, UsageError } from './command.ts';
import { withInstallation } from './installation.ts';
import { counted, grouped, progressBar, seconds } from './progress.ts';
import { loadStatuspage } from './statuspageSource.ts';

export const importStatuspageCommand: Command = {
  help: `
  foghorn import statuspage <file, folder or address> ...

Takes incidents.json, components.json, scheduled-maintenances.json or summary.json as Statuspage serves them under
/api/v2, a folder of them, or the address of a status page. Ids and times are kept, and nobody is told. The same source
again changes nothing; a newer one brings what changed, but for what was changed here since.

An incident that the source left open without a word for more than 30 days is imported as over since its last word.

  --keep-open   import such incidents as open
  --verbose     name every record that was mended, not only how many

  foghorn import statuspage https://status.example.com
  foghorn import statuspage ./export`,
  async run(args, io) {
    // Any number of places: they are counted here, not by the reader of options.
    const { values, positionals } = readArguments(
      args,
      { 'keep-open': { type: 'boolean' }, verbose: { type: 'boolean' } },
      args.filter((arg) => !arg.startsWith('--')),
    );
    if (!positionals.length)
      throw new UsageError('There is nothing to import.', 'Name a file, a folder or the address of a page.');
    const { source, notes } = await loadStatuspage(positionals);
    await withInstallation({ create: true }, async (_, ctx) => {
      const started = performance.now();
      const report = await importStatuspage(ctx, source, {
        keepOpen: values['keep-open'] ?? false,
        onProgress: (done, total) =>
          io.progress(progressBar(done, total, `${grouped(done)} of ${counted(total, 'incident')}`)),
      });
      print(report, notes, performance.now() - started, values.verbose ?? false, io);
    });
  },
};

function print(report: ImportReport, notes: readonly string[], ms: number, all: boolean, io: Io): void {
  io.progress('');
  const { incidents, updates, components, groups, remarks } = report;
  const kinds = [
    ['incident', incidents],
    ['update', updates],
    ['component', components],
    ['group', groups],
  ] as const;
  const row = (label: string, what: keyof ImportCount) =>
    io.out(`${label.padEnd(12)}${kinds.map(([noun, counts]) => counted(counts[what], noun)).join(', ')}`);
  row('Read', 'read');
  if (report.maintenances)
    io.out(`            (${grouped(report.maintenances)} of the incidents are maintenance)`);
  row('Imported', 'imported');
  row('Changed', 'changed');
  row('Unchanged', 'unchanged');
  if (kinds.some(([, counts]) => counts.left)) row('Left alone', 'left');
  row('Skipped', 'skipped');
  const written = kinds.some(([, counts]) => counts.imported + counts.changed > 0);
  if (written)
    section(
      'Mended, where the meaning is certain',
      'mended',
      all ? Number.POSITIVE_INFINITY : 0,
      remarks,
      io,
    );
  else io.out('Nothing changed: all of it was here already.');
  section('Please look at these', 'noted', all ? Number.POSITIVE_INFINITY : 10, remarks, io);
  section('Skipped', 'skipped', all ? Number.POSITIVE_INFINITY : 10, remarks, io);
  if (notes.length) io.out('');
  for (const note of notes) io.out(note);
  const mended = written ? remarks.filter((remark) => remark.level === 'mended').length : 0;
  io.out('');
  io.out(
    `${here(incidents)} of ${counted(incidents.read, 'incident')} and ${here(updates)} of ${counted(updates.read, 'update')} are here: ` +
      `read ${grouped(incidents.read)} and ${grouped(updates.read)}, imported ${grouped(incidents.imported)} and ${grouped(updates.imported)}, ` +
      `changed ${grouped(incidents.changed)} and ${grouped(updates.changed)}, mended ${grouped(mended)}, ` +
      `skipped ${grouped(incidents.skipped)} and ${grouped(updates.skipped)}. It took ${seconds(ms)}.`,
  );
}

function here(counts: ImportCount): string {
  return grouped(counts.read - counts.skipped);
}

/** Remarks of one reason together: how many, and the first few of what they concern. */
function section(
  heading: string,
  level: Remark['level'],
  show: number,
  remarks: readonly Remark[],
  io: Io,
): void {
  const byReason = Map.groupBy(
    remarks.filter((remark) => remark.level === level),
    (remark) => remark.reason,
  );
  if (!byReason.size) return;
  io.out('');
  io.out(`${heading}:`);
  for (const [reason, own] of [...byReason].sort((a, b) => b[1].length - a[1].length)) {
    io.out(`${grouped(own.length).padStart(7)}  ${reason}`);
    for (const remark of own.slice(0, show)) io.out(`         - ${remark.subject}`);
    if (show > 0 && own.length > show)
      io.out(`         - and ${grouped(own.length - show)} more (--verbose names them)`);
  }
}
