import { openDatabase } from '#db/open.ts';
import { startDispatcher } from '#delivery/dispatcher.ts';
import { testContext } from '../support/context.ts';

/**
 * A worker to be killed: `node worker.ts DATABASE_URL resend|smtp PROVIDER_URL`. It runs the dispatcher as the product does, on the real clock,
 * and prints a line once it has begun.
 */
const [databaseUrl, mailTransport, provider] = process.argv.slice(2) as [string, 'resend' | 'smtp', string];
const db = await openDatabase(databaseUrl);
const ctx = testContext(db);
startDispatcher({
  db,
  now: () => new Date().toISOString(),
  sign: ctx.sign,
  site: ctx.site,
  log: ctx.log,
  config: {
    mailTransport,
    mailFrom: ctx.site.mailFrom,
    mailReplyTo: null,
    siteUrl: ctx.site.url,
    dataDir: '/nowhere',
    resendApiKey: 're_test',
    resendBaseUrl: provider,
    smtpUrl: provider,
  },
});
console.log('begun');
