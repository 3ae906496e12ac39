import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** Everything that the environment decides, checked once. */
export type Config = {
  port: number;
  host: string;
  siteUrl: string;
  databaseUrl: string;
  dataDir: string;
  mailTransport: 'file' | 'resend' | 'smtp';
  mailFrom: string;
  mailReplyTo: string | null;
  resendApiKey: string | null;
  resendBaseUrl: string;
  resendWebhookSecret: string | null;
  smtpUrl: string | null;
  secretKey: string;
  role: 'all' | 'web' | 'worker';
  exportDir: string | null;
  trustedHops: number;
  /** Who may read /metrics from elsewhere; null: no one. */
  metricsToken: string | null;
  logLevel: string;
};

type Env = Record<string, string | undefined>;

export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads and checks the environment. Any variable `NAME` may come from the file that `NAME_FILE` names. Creates DATA_DIR and,
 * in it, `secret.key` (mode 600) when SECRET_KEY is not set.
 * @throws ConfigError naming the variable, what is wrong and the fix.
 */
export function readConfig(env: Env = process.env): Config {
  const get = (name: string) => readVariable(env, name);
  const port = check(
    'PORT',
    z.coerce.number().int().min(0).max(65535),
    get('PORT') ?? '4321',
    'a port number, such as 4321',
  );
  const siteUrl = readSiteUrl(get('SITE_URL') ?? `http://localhost:${port}`);
  const dataDir = resolve(get('DATA_DIR') ?? './data');
  const resendApiKey = get('RESEND_API_KEY') ?? null;
  const smtpUrl = get('SMTP_URL') ?? null;
  const mailTransport = check(
    'MAIL_TRANSPORT',
    z.enum(['file', 'resend', 'smtp']),
    get('MAIL_TRANSPORT') ?? (resendApiKey ? 'resend' : smtpUrl ? 'smtp' : 'file'),
    'file, resend or smtp',
  );
  if (mailTransport === 'resend' && !resendApiKey)
    fail(
      'RESEND_API_KEY',
      'is empty but MAIL_TRANSPORT is resend',
      'Set it to a key from your Resend account.',
    );
  if (mailTransport === 'smtp' && !smtpUrl)
    fail(
      'SMTP_URL',
      'is empty but MAIL_TRANSPORT is smtp',
      'Set it, such as smtps://user:password@mail.example.com.',
    );
  if (smtpUrl && !/^smtps?:\/\//.test(smtpUrl))
    fail(
      'SMTP_URL',
      'is not an smtp:// or smtps:// address',
      'Write it as smtps://user:password@mail.example.com.',
    );
  return {
    port,
    siteUrl,
    dataDir,
    mailTransport,
    resendApiKey,
    smtpUrl,
    host: get('HOST') ?? 'localhost',
    databaseUrl: readDatabaseUrl(get('DATABASE_URL'), dataDir),
    mailFrom: readMailFrom(get('MAIL_FROM') ?? `Status <status@${new URL(siteUrl).hostname}>`),
    mailReplyTo: get('MAIL_REPLY_TO') ?? null,
    resendBaseUrl: get('RESEND_BASE_URL') ?? 'https://api.resend.com',
    resendWebhookSecret: get('RESEND_WEBHOOK_SECRET') ?? null,
    secretKey: readSecretKey(get('SECRET_KEY'), dataDir),
    role: check(
      'FOGHORN_ROLE',
      z.enum(['all', 'web', 'worker']),
      get('FOGHORN_ROLE') ?? 'all',
      'all, web or worker',
    ),
    exportDir: get('EXPORT_DIR') ? resolve(get('EXPORT_DIR') as string) : null,
    trustedHops: check(
      'TRUSTED_HOPS',
      z.coerce.number().int().min(0).max(10),
      get('TRUSTED_HOPS') ?? '0',
      'the number of proxies in front of Foghorn, 0 to 10',
    ),
    metricsToken: get('METRICS_TOKEN') ?? null,
    logLevel: check(
      'LOG_LEVEL',
      z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
      get('LOG_LEVEL') ?? 'info',
      'debug, info, warn or error',
    ),
  };
}

function readVariable(env: Env, name: string): string | undefined {
  const direct = env[name]?.trim();
  if (direct) return direct;
  const file = env[`${name}_FILE`]?.trim();
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return fail(`${name}_FILE`, `names ${file}, which cannot be read`, 'Check the path and its permissions.');
  }
}

function check<T>(name: string, schema: z.ZodType<T>, value: string, wanted: string): T {
  const result = schema.safeParse(value);
  return result.success ? result.data : fail(name, `is "${value}"`, `Set it to ${wanted}.`);
}

function fail(name: string, what: string, fix: string): never {
  throw new ConfigError(`${name} ${what}. ${fix}`);
}

function readSiteUrl(text: string): string {
  const url = URL.parse(text);
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.search ||
    url.hash ||
    url.username ||
    url.pathname !== '/'
  )
    return fail(
      'SITE_URL',
      `is "${text}"`,
      'Set it to the public address of the page, such as https://status.example.com.',
    );
  return url.origin;
}

/** `sqlite:PATH` is made absolute; `postgres://` stays. */
function readDatabaseUrl(text: string | undefined, dataDir: string): string {
  if (!text) return `sqlite:${join(dataDir, 'foghorn.db')}`;
  if (/^postgres(ql)?:\/\//.test(text)) return text;
  if (text.startsWith('sqlite:'))
    return `sqlite:${resolve(text.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, ''))}`;
  return fail(
    'DATABASE_URL',
    'is neither sqlite: nor postgres://',
    'Write sqlite:./data/foghorn.db or postgres://user:password@host/name.',
  );
}

function readMailFrom(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\x00-\x1f\x7f]/.test(text) || !/^[^<>@]*<?[^<>@\s]+@[^<>@\s]+>?$/.test(text))
    return fail('MAIL_FROM', `is "${text}"`, 'Write it as Name <status@example.com>.');
  return text;
}

function readSecretKey(text: string | undefined, dataDir: string): string {
  if (text) {
    if (text.length < 32)
      fail('SECRET_KEY', 'is shorter than 32 characters', 'Use the output of: openssl rand -hex 32.');
    return text;
  }
  const file = join(dataDir, 'secret.key');
  mkdirSync(dataDir, { recursive: true });
  if (!existsSync(file)) {
    try {
      writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return readFileSync(file, 'utf8').trim();
}
