import { resolve } from 'node:path';
import { readPrivateExport } from '#services/privateExport.ts';
import { ensureBuilt } from './build.ts';
import { type Command, type Io, readArguments } from './command.ts';
import { withInstallation } from './installation.ts';
import { privateFiles } from './privateFiles.ts';
import { publicSite } from './publicSite.ts';
import { replaceFolder } from './replaceFolder.ts';

export const exportCommand: Command = {
  help: `
  foghorn export <folder>
  foghorn export --private <folder>

The first writes everything public as plain files: pages, API, feeds, calendar, badges, embeds, each compressed beside
itself, for nginx (deploy/nginx.conf) or a store of objects. Byte for byte it is what the server answers, which need not
run. EXPORT_DIR has the server keep such a copy by itself, after every change.

The second is for the day when everything is down: runbooks, contacts, templates and policies as plain files that any text
viewer reads, with a README.md that says what is where. Nothing of any incident is in it. It holds names and addresses, so
only its owner may read it: keep it so, and keep it somewhere else than the page. Write it every night, also while the
server runs.

Either folder is replaced as a whole, and one that holds anything else is left alone.

  foghorn export /srv/status-copy
  foghorn export --private /safe/foghorn-plan`,
  async run(args, io) {
    const { values, positionals } = readArguments(args, { private: { type: 'boolean' } }, ['folder']);
    const folder = resolve(positionals[0] as string);
    return values.private ? exportPrivate(folder, io) : exportPublic(folder, io);
  },
};

async function exportPublic(folder: string, io: Io): Promise<number> {
  // Whether there is something to export is said here, in the words of every other command.
  await withInstallation({ create: false }, async () => undefined);
  if (!ensureBuilt(io.say)) return 1;
  const site = publicSite();
  const place = await replaceFolder(folder, site);
  io.out(`${place} (${site.count()} files)`);
  return 0;
}

async function exportPrivate(folder: string, io: Io): Promise<number> {
  const files = await withInstallation({ create: false }, (_, ctx) => readPrivateExport(ctx));
  const place = await replaceFolder(folder, privateFiles(files));
  io.out(`${place} (${files.length} files)`);
  io.say('It holds names and addresses: only you may read it. Keep it so.');
  return 0;
}
