import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, readConfig } from '#config';

const KEY = 'k'.repeat(32);

function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'foghorn-config-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Runs the module in a process of its own; given once it has said its first line. */
async function startScript(script: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: resolve(import.meta.dirname, '..'),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value as string;
  expect(await line()).toBe('ready');
  return { child, line };
}

const read = (env: Record<string, string>) =>
  readConfig({ SECRET_KEY: KEY, DATA_DIR: '/nowhere/data', ...env });

describe('the environment', () => {
  it('may be empty', () => {
    expect(read({})).toEqual({
      port: 4321,
      host: 'localhost',
      siteUrl: 'http://localhost:4321',
      formerHosts: [],
      languages: ['en', 'de', 'ar'],
      databaseUrl: 'sqlite:/nowhere/data/foghorn.db',
      dataDir: '/nowhere/data',
      mailTransport: 'file',
      mailFrom: 'Status <status@localhost>',
      mailReplyTo: null,
      resendApiKey: null,
      resendBaseUrl: 'https://api.resend.com',
      resendWebhookSecret: null,
      smtpUrl: null,
      resendDailyLimit: null,
      resendMonthlyLimit: null,
      smtpConnections: 2,
      smtpRate: null,
      hooks: { allowHttp: true, allowPrivate: false },
      secretKey: KEY,
      role: 'all',
      exportDir: null,
      trustedHops: 0,
      metricsToken: null,
      logLevel: 'info',
    });
  });

  it('counts blanks as empty', () => expect(read({ PORT: ' ', MAIL_FROM: '' })).toEqual(read({})));

  it.each([
    ['Resend when there is a key', { RESEND_API_KEY: 're_x', SMTP_URL: 'smtp://h' }, 'resend'],
    ['else SMTP when there is an address', { SMTP_URL: 'smtps://u:p@h:465' }, 'smtp'],
    ['what is asked for', { MAIL_TRANSPORT: 'file', RESEND_API_KEY: 're_x' }, 'file'],
  ])('mails by %s', (_, env, transport) =>
    expect(read(env as unknown as Record<string, string>).mailTransport).toBe(transport),
  );

  it.each([
    [
      { SITE_URL: 'https://status.example.com/' },
      { siteUrl: 'https://status.example.com', mailFrom: 'Status <status@status.example.com>' },
    ],
    [
      { SITE_URL: 'https://example.com/status/', FORMER_HOSTS: 'Old.example.com, b.example:8080' },
      { siteUrl: 'https://example.com/status', formerHosts: ['old.example.com', 'b.example:8080'] },
    ],
    [{ PORT: '8080' }, { siteUrl: 'http://localhost:8080' }],
    [{ DATABASE_URL: 'sqlite:./x.db' }, { databaseUrl: `sqlite:${resolve('x.db')}` }],
    [{ DATABASE_URL: 'sqlite:///srv/x.db' }, { databaseUrl: 'sqlite:/srv/x.db' }],
    [{ DATABASE_URL: 'postgres://u:p@h/n' }, { databaseUrl: 'postgres://u:p@h/n' }],
    [{ MAIL_FROM: 'ops@example.com' }, { mailFrom: 'ops@example.com' }],
    [{ RESEND_BASE_URL: 'http://127.0.0.1:9/' }, { resendBaseUrl: 'http://127.0.0.1:9' }],
    [{ SMTP_CONNECTIONS: '5' }, { smtpConnections: 5 }],
    [{ RESEND_DAILY_LIMIT: '100' }, { resendDailyLimit: 100, resendMonthlyLimit: null }],
    [{ RESEND_MONTHLY_LIMIT: '3000' }, { resendMonthlyLimit: 3_000 }],
    [{ SMTP_RATE: '10' }, { smtpRate: 10 }],
    [{ SMTP_RATE: '0.5' }, { smtpRate: 0.5 }],
    [{}, { smtpRate: null }],
    [
      { HOOKS_ALLOW_HTTP: 'no', HOOKS_ALLOW_PRIVATE: 'yes' },
      { hooks: { allowHttp: false, allowPrivate: true } },
    ],
    [
      { TRUSTED_HOPS: '2', FOGHORN_ROLE: 'web', METRICS_TOKEN: 't' },
      { trustedHops: 2, role: 'web', metricsToken: 't' },
    ],
  ])('reads %j', (env, config) =>
    expect(read(env as unknown as Record<string, string>)).toMatchObject(config),
  );

  it.each([
    ['PORT', 'eighty', 'a port number, such as 4321'],
    ['PORT', '65536', 'a port number'],
    ['PORT', '-1', 'a port number'],
    ['PORT', '0x10', 'a port number'],
    ['PORT', '1e3', 'a port number'],
    ['SITE_URL', 'status.example.com', 'such as https://status.example.com'],
    ['SITE_URL', 'https://example.com/a%20b', 'such as https://status.example.com'],
    ['SITE_URL', 'https://example.com/a/../..?x', 'such as https://status.example.com'],
    ['FORMER_HOSTS', 'https://old.example.com', 'Write the names under which the page was before'],
    ['FORMER_HOSTS', 'old.example.com/x', 'Write the names under which the page was before'],
    ['SITE_URL', 'https://u@example.com', 'such as https://status.example.com'],
    ['SITE_URL', 'ftp://example.com', 'such as https://status.example.com'],
    ['MAIL_TRANSPORT', 'pigeon', 'Set it to file, resend or smtp.'],
    ['MAIL_FROM', 'Status', 'Write it as Name <status@example.com>.'],
    ['MAIL_FROM', 'Status <status@example.com', 'Write it as Name'],
    ['MAIL_FROM', 'Status status@example.com', 'Write it as Name'],
    ['MAIL_FROM', 'Status <a@example.com>\nBcc: <b@example.com>', 'Write it as Name'],
    ['MAIL_REPLY_TO', 'Support', 'Write one address'],
    ['MAIL_REPLY_TO', 'a@example.com, b@example.com', 'Write one address'],
    ['MAIL_REPLY_TO', 'support@example', 'Write one address'],
    ['MAIL_REPLY_TO', 'support@-example.com', 'Write one address'],
    ['MAIL_REPLY_TO', 'sup..port@example.com', 'Write one address'],
    ['MAIL_REPLY_TO', 'Support <support@example.com>', 'Write one address'],
    ['MAIL_FROM', 'Status <status@exa mple.com>', 'Write it as Name'],
    ['MAIL_FROM', 'Status <status@.example.com>', 'Write it as Name'],
    ['RESEND_BASE_URL', 'api.resend.com', 'such as https://api.resend.com'],
    ['SMTP_URL', 'mail.example.com', 'smtps://user:password@mail.example.com'],
    ['SMTP_CONNECTIONS', '0', 'a number of connections, 1 to 20'],
    ['RESEND_DAILY_LIMIT', '0', 'a number of mails'],
    ['RESEND_MONTHLY_LIMIT', '3k', 'a number of mails'],
    ['SMTP_RATE', '0', 'mails per second'],
    ['SMTP_RATE', '1e3', 'mails per second'],
    ['SMTP_RATE', '1001', 'mails per second'],
    ['SMTP_CONNECTIONS', '21', 'a number of connections, 1 to 20'],
    ['HOOKS_ALLOW_PRIVATE', 'true', 'Set it to yes or no.'],
    ['HOOKS_ALLOW_HTTP', '1', 'Set it to yes or no.'],
    ['DATABASE_URL', 'mysql://h/n', 'Write sqlite:./data/foghorn.db or postgres://'],
    ['DATABASE_URL', 'sqlite:', 'Write sqlite:./data/foghorn.db'],
    ['DATABASE_URL', 'sqlite::memory:', 'Write sqlite:./data/foghorn.db'],
    ['SECRET_KEY', 'short', 'openssl rand -hex 32'],
    ['FOGHORN_ROLE', 'boss', 'Set it to all, web or worker.'],
    ['TRUSTED_HOPS', '11', 'the number of proxies'],
    ['TRUSTED_HOPS', '1.5', 'the number of proxies'],
    ['LOG_LEVEL', 'loud', 'Set it to debug, info, warn or error.'],
    ['RESEND_API_KEY', '', 'Set it to a key from your Resend account.', { MAIL_TRANSPORT: 'resend' }],
    ['SMTP_URL', '', 'smtps://user:password@mail.example.com', { MAIL_TRANSPORT: 'smtp' }],
  ])('refuses %s=%j and says what to do', (name, value, fix, ...others) => {
    const attempt = () => read({ ...(others[0] as Record<string, string> | undefined), [name]: value });
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(new RegExp(`^${name} `));
    expect(attempt).toThrow(fix);
  });

  it('says no secret back', () => {
    for (const env of [
      { SECRET_KEY: 's3cr3t' },
      { DATABASE_URL: 'mysql://u:s3cr3t@h' },
      { SMTP_URL: 'u:s3cr3t@h' },
    ])
      expect(() => read(env as unknown as Record<string, string>)).toThrow(/^(?!.*s3cr3t)/s);
  });
});

describe('NAME_FILE', () => {
  it('is read when NAME is not set, without its line end', () => {
    const file = join(scratch(), 'key');
    writeFileSync(file, 're_from_file\n');
    expect(read({ RESEND_API_KEY_FILE: file })).toMatchObject({
      resendApiKey: 're_from_file',
      mailTransport: 'resend',
    });
    expect(read({ RESEND_API_KEY_FILE: file, RESEND_API_KEY: 're_direct' }).resendApiKey).toBe('re_direct');
  });

  it('must be there, and not be empty', () => {
    const file = join(scratch(), 'key');
    expect(() => read({ SMTP_URL_FILE: file })).toThrow(
      `SMTP_URL_FILE names ${file}, which cannot be read. Check the path`,
    );
    writeFileSync(file, '\n');
    expect(() => read({ SMTP_URL_FILE: file })).toThrow(`SMTP_URL_FILE names ${file}, which is empty.`);
  });
});

describe('the secret key', () => {
  it('is made once, for its owner alone, and kept', () => {
    const dir = join(scratch(), 'deep', 'data');
    const { secretKey } = readConfig({ DATA_DIR: dir });
    expect(secretKey).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(join(dir, 'secret.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['secret.key']);
    expect(readConfig({ DATA_DIR: dir }).secretKey).toBe(secretKey);
    expect(readConfig({ DATA_DIR: dir, SECRET_KEY: KEY }).secretKey).toBe(KEY);
  });

  it('is the same for processes that start together, and never half a key', async () => {
    const dir = scratch();
    // Who comes later only reads, so it catches up with the first: over many folders they meet.
    const folders = Array.from({ length: 500 }, (_, i) => join(dir, String(i)));
    const script = `
      import { readConfig } from '#config';
      console.log('ready');
      process.stdin.once('data', (folders) => {
        console.log(JSON.stringify(JSON.parse(folders).map((DATA_DIR) => readConfig({ DATA_DIR }).secretKey)));
        process.exit();
      });`;
    const racers = await Promise.all(Array.from({ length: 4 }, () => startScript(script)));
    for (const { child } of racers) child.stdin.write(JSON.stringify(folders));
    const keys = await Promise.all(racers.map(async ({ line }) => JSON.parse(await line()) as string[]));
    for (const own of keys) expect(own).toEqual(keys[0]);
    expect(new Set(keys[0]).size).toBe(folders.length);
    for (const folder of folders) expect(readdirSync(folder)).toEqual(['secret.key']);
  });

  it('that was cut short is not used', () => {
    const dir = scratch();
    writeFileSync(join(dir, 'secret.key'), '');
    expect(() => readConfig({ DATA_DIR: dir })).toThrow(
      /^SECRET_KEY is not set, and .*secret\.key holds no key\. Put back/,
    );
    expect(readFileSync(join(dir, 'secret.key'), 'utf8')).toBe('');
  });

  it('needs a folder', () => {
    const file = join(scratch(), 'file');
    writeFileSync(file, 'x');
    expect(() => readConfig({ DATA_DIR: file })).toThrow(/^DATA_DIR is .*file.* cannot be kept \(EEXIST\)/);
    expect(() => readConfig({ DATA_DIR: join(file, 'data') })).toThrow(/^DATA_DIR .*\(ENOTDIR\)/);
  });
});
