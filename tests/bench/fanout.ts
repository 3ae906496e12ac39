import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startDispatcher } from '#delivery/dispatcher.ts';
import { postNotice, rendered, SITE, states } from '../delivery/support.ts';
import { testContext } from '../support/context.ts';
import { freshSqlite } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';

/**
 * How quickly a fan-out leaves: `node tests/bench/fanout.ts [PEOPLE] [LATENCY_MS]`. The stand-in for Resend is a process of its own. Prints
 * the time from the post to the first mail, the whole rate, and beside it that of a bare loop that posts the same bytes.
 */
const people = Number(process.argv[2] ?? 20_000);
const latency = process.argv[3] ?? '0';
const child = spawn(
  process.execPath,
  [join(import.meta.dirname, '../support/fakeResend.ts'), '0', latency, '0', '1'],
  {
    stdio: ['pipe', 'pipe', 'inherit'],
  },
);
const [line] = (await once(child.stdout, 'data')) as [Buffer];
const resendBaseUrl = line.toString().trim();

const db = await freshSqlite();
const ctx = testContext(db);
await makeSubscribers(db, people);
const dispatcher = startDispatcher({
  db,
  now: () => new Date().toISOString(),
  sign: ctx.sign,
  site: { url: SITE },
  log: ctx.log,
  config: {
    mailTransport: 'resend',
    mailFrom: ctx.site.mailFrom,
    mailReplyTo: null,
    siteUrl: SITE,
    dataDir: '/nowhere',
    resendApiKey: 're_test',
    resendBaseUrl,
    smtpUrl: null,
  },
});

const begun = performance.now();
await postNotice(db, new Date().toISOString(), {
  priority: 0,
  mail: rendered('[Investigating] Checkout', 14_000),
});
const posted = performance.now();
dispatcher.wake();
let first = 0;
for (;;) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  const mails = await taken();
  if (!first && mails > 0) first = performance.now();
  if (mails >= people) break;
}
while ((await states(db)).accepted !== people) await new Promise((resolve) => setTimeout(resolve, 5));
const done = performance.now();
await dispatcher.stop();

const body = await db.read((tx) => tx.selectFrom('batches').select('size').execute());
const bytes = Buffer.from(JSON.stringify(Array.from({ length: 100 }, (_, i) => bareMail(i))));
const bareBegun = performance.now();
let next = 0;
await Promise.all(
  Array.from({ length: 4 }, async () => {
    while (next < body.length) {
      const key = `bare/${next++}`;
      const reply = await fetch(`${resendBaseUrl}/emails/batch`, {
        method: 'POST',
        body: bytes,
        headers: {
          authorization: 'Bearer re_test',
          'content-type': 'application/json',
          'x-batch-validation': 'strict',
          'idempotency-key': key,
        },
      });
      if (!reply.ok) throw new Error(await reply.text());
      await reply.json();
    }
  }),
);
const bare = performance.now() - bareBegun;
const rate = (people / (done - posted)) * 1000;
console.log(
  [
    `people ${people}, batches ${body.length}, latency ${latency} ms`,
    `post committed in ${(posted - begun).toFixed(0)} ms; first mails taken ${(first - posted).toFixed(0)} ms later`,
    `all settled in ${((done - posted) / 1000).toFixed(2)} s: ${rate.toFixed(0)} mails/s`,
    `bare loop of POSTs: ${((body.length * 100 * 1000) / bare).toFixed(0)} mails/s; ratio ${(bare / (done - posted)).toFixed(2)}`,
  ].join('\n'),
);
await db.close();
child.stdin.end();

async function taken(): Promise<number> {
  return ((await (await fetch(`${resendBaseUrl}/taken`)).json()) as { mails: number }).mails;
}

function bareMail(index: number) {
  const { subject, html, text, headers } = rendered('[Investigating] Checkout', 14_000);
  return {
    from: ctx.site.mailFrom,
    to: [`bare${index}@example.org`],
    subject,
    html,
    text,
    headers,
    tags: [{ name: 'delivery_id', value: '1' }],
  };
}
