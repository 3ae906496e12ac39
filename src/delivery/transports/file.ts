import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Sender } from '../mail.ts';
import type { Transport } from '../transport.ts';
import { composeMessage } from './mime.ts';

/** Files written at a time. */
const WRITERS = 16;

type Entry = { path: string; raw: string };

/**
 * For development and trials: each mail becomes `FOLDER/DAY/DELIVERY.eml`, which any mail program opens. The provider's id is that
 * path below FOLDER. A repeat writes the same name again, so no mail is there twice.
 */
export function fileTransport({ folder, sender }: { folder: string; sender: Sender }): Transport {
  return {
    name: 'file',
    lane: 'mail',
    batchSize: 100,
    concurrency: 2,
    async build(mails, frozenAt) {
      const entries: Entry[] = [];
      for (const mail of mails)
        entries.push({
          path: `${frozenAt.slice(0, 10)}/${mail.deliverySeq}.eml`,
          raw: await composeMessage(mail, sender, frozenAt),
        });
      return Buffer.from(JSON.stringify(entries));
    },
    async send(batch) {
      const entries = JSON.parse(batch.body.toString()) as Entry[];
      try {
        for (let start = 0; start < entries.length; start += WRITERS)
          await Promise.all(entries.slice(start, start + WRITERS).map((entry) => writeMail(folder, entry)));
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        return {
          kind: 'configuration',
          reason: `Mails cannot be written to ${folder}: ${message}`,
          fix:
            code === 'ENOSPC'
              ? 'Make room on the disk, then resume.'
              : 'Let Foghorn write to DATA_DIR/mail, then resume.',
        };
      }
      return { kind: 'accepted', providerIds: entries.map((entry) => entry.path) };
    },
    close: async () => undefined,
  };
}

/** Under another name first, so that a reader never finds half a mail. */
async function writeMail(folder: string, { path, raw }: Entry): Promise<void> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.part`, raw, 'latin1');
  await rename(`${file}.part`, file);
}
