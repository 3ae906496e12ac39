import './env.ts';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { ENTRY, ensureBuilt } from './build.ts';
import { DEMO_PASSWORD, PEOPLE } from './demoData.ts';
import { keepInUse, layDemo } from './demoLay.ts';

/**
 * `npm run demo`: builds if needed, fills DATA_DIR/demo with Harbour, and becomes its server. It never touches another database and
 * never sends mail, whatever the environment says.
 */
const say = (line: string) => console.log(line);
const port = process.env.PORT ?? '4321';
const folder = join(resolve(process.env.DATA_DIR ?? './data'), 'demo');
for (const name of Object.keys(process.env))
  if (/^(DATABASE_URL|MAIL_TRANSPORT|MAIL_FROM|SECRET_KEY|FOGHORN_ROLE|EXPORT_DIR|RESEND_|SMTP_)/.test(name))
    delete process.env[name];
Object.assign(process.env, {
  NODE_ENV: 'production',
  PORT: port,
  SITE_URL: process.env.SITE_URL ?? `http://localhost:${port}`,
  DATA_DIR: folder,
  MAIL_TRANSPORT: 'file',
  MAIL_FROM: 'Harbour status <status@harbour.example>',
  LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
});

if (!(await isFree(Number(port)))) {
  console.error(
    `Something listens on port ${port} already, perhaps the demo itself. Stop it, or choose another: PORT=4400 npm run demo`,
  );
  process.exitCode = 1;
} else if (!ensureBuilt(say) || !(await layDemo(folder, say))) {
  process.exitCode = 1;
} else {
  keepInUse(folder);
  await import(ENTRY);
  await untilReady();
  say(welcome());
}

function welcome(): string {
  const site = process.env.SITE_URL;
  const logins = [PEOPLE.mara, PEOPLE.jonas, PEOPLE.priya].map(
    ({ email, role }) => `             ${email.padEnd(26)}${role}`,
  );
  return [
    '',
    `Public page  ${site}/`,
    `Admin        ${site}/admin`,
    `             password: ${DEMO_PASSWORD}`,
    ...logins,
    `Mail         is written to ${join(folder, 'mail')}`,
    '             and none of it leaves this machine',
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

function isFree(wanted: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer()
      .once('error', () => done(false))
      .listen(wanted, process.env.HOST ?? 'localhost', () => probe.close(() => done(true)));
  });
}

/** The server's own start decides how long that takes: it ends the process when it cannot. */
async function untilReady(): Promise<void> {
  const address = `http://${process.env.HOST ?? 'localhost'}:${port}/readyz`;
  for (;;) {
    const answer = await fetch(address).catch(() => null);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
}
