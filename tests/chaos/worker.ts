import { createInterface } from 'node:readline';
import { openDatabase } from '#db/open.ts';
import { startDispatcher } from '#delivery/dispatcher.ts';
import { addMs } from '#domain/time.ts';
import { testContext } from '../support/context.ts';
import type { WorkerOptions } from './processes.ts';

/**
 * A worker to be killed: `node worker.ts OPTIONS`, as JSON. It runs the dispatcher as the product does, says "loaded" when it could, begins
 * at the first line of its standard input, and says "begun". What it logs follows, a line each. Later lines set its clock: by how many
 * milliseconds it is ahead.
 */
const options = JSON.parse(process.argv[2] as string) as WorkerOptions;
const input = createInterface({ input: process.stdin });
console.log('loaded');
await new Promise<void>((resolve) => input.once('line', () => resolve()));
let ahead = options.clockAheadMs ?? 0;
input.on('line', (line) => {
  ahead = Number(line);
});
// Whoever started it is gone.
input.on('close', () => process.exit(1));

const db = await openDatabase(options.databaseUrl);
const ctx = testContext(db);
const say = (fields: object, message: string) => {
  const { err } = fields as { err?: Error };
  console.log(err ? `${message} ${err.message}` : message);
};
startDispatcher({
  db,
  now: () => addMs(new Date().toISOString(), ahead),
  sign: ctx.sign,
  site: ctx.site,
  log: { debug: () => undefined, info: say, warn: say, error: say },
  config: {
    mailTransport: options.transport,
    mailFrom: ctx.site.mailFrom,
    mailReplyTo: null,
    siteUrl: ctx.site.url,
    dataDir: '/nowhere',
    resendApiKey: 're_test',
    resendBaseUrl: options.provider,
    smtpUrl: options.provider,
  },
});
console.log('begun');
