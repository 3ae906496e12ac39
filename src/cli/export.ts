import { resolve } from 'node:path';
import { readPrivateExport } from '#services/privateExport.ts';
import { type Command, readArguments, UsageError } from './command.ts';
import { withInstallation } from './installation.ts';
import { replaceFolder } from './privateFolder.ts';

export const exportCommand: Command = {
  help: `
  foghorn export --private <folder>

For the day when everything is down: runbooks, contacts, templates and policies as plain files that any text viewer
reads, with a README.md that says what is where. Nothing of any incident is in it. It holds names and addresses, so only
its owner may read it: keep it so, and keep it somewhere else than the page. Write it every night, also while the server
runs; the folder is replaced as a whole, and one that holds anything else is left alone.

  foghorn export --private /safe/foghorn-plan`,
  async run(args, io) {
    const { values, positionals } = readArguments(args, { private: { type: 'boolean' } }, ['folder']);
    if (!values.private)
      throw new UsageError('Say what to export.', 'foghorn export --private FOLDER writes what is private.');
    const folder = resolve(positionals[0] as string);
    const files = await withInstallation({ create: false }, (_, ctx) => readPrivateExport(ctx));
    const place = await replaceFolder(folder, files);
    io.out(`${place} (${files.length} files)`);
    io.say('It holds names and addresses: only you may read it. Keep it so.');
  },
};
