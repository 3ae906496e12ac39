import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { isLocale, type Languages, LOCALES } from '#i18n/locales.ts';

/** Everything that the environment decides, checked once. */
export type Config = {
  port: number;
  host: string;
  /** Where the page is for everyone else: an origin, and a path below it where it shares its host with others; no slash at the end. */
  siteUrl: string;
  /** Hosts at which the page used to be: whoever asks there is led to SITE_URL. */
  formerHosts: readonly string[];
  /** What the page is offered in; the first at `/`, each other under its own name. */
  languages: Languages;
  databaseUrl: string;
  dataDir: string;
  mailTransport: 'file' | 'resend' | 'smtp';
  mailFrom: string;
  mailReplyTo: string | null;
  resendApiKey: string | null;
  resendBaseUrl: string;
  resendWebhookSecret: string | null;
  /** Mails that the Resend account may send in a day and in a month, for where it does not tell; null: not said. */
  resendDailyLimit: number | null;
  resendMonthlyLimit: number | null;
  smtpUrl: string | null;
  /** Sessions with the mail server at a time, and so the mails that a crash may repeat. */
  smtpConnections: number;
  /** Mails per second that the mail server wants at most, from all processes together; null: as fast as it takes them. */
  smtpRate: number | null;
  /** Where webhooks may lead beside https to public addresses. */
  hooks: { allowHttp: boolean; allowPrivate: boolean };
  secretKey: string;
  role: 'all' | 'web' | 'worker';
  /** Where a static copy of everything public is kept; null: nowhere. */
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
  const port = check('PORT', wholeNumber(65_535), get('PORT') ?? '4321', 'a port number, such as 4321');
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
    formerHosts: readHosts(get('FORMER_HOSTS') ?? '', siteUrl),
    languages: readLanguages(get('LANGUAGES') ?? 'en, de, ar'),
    dataDir,
    mailTransport,
    resendApiKey,
    smtpUrl,
    host: get('HOST') ?? 'localhost',
    databaseUrl: readDatabaseUrl(get('DATABASE_URL'), dataDir),
    mailFrom: readMailFrom(get('MAIL_FROM') ?? `Status <status@${new URL(siteUrl).hostname}>`),
    mailReplyTo: readReplyTo(get('MAIL_REPLY_TO')),
    resendBaseUrl: readResendBaseUrl(get('RESEND_BASE_URL') ?? 'https://api.resend.com'),
    resendWebhookSecret: readWebhookSecret(get('RESEND_WEBHOOK_SECRET')),
    resendDailyLimit: readLimit('RESEND_DAILY_LIMIT', get('RESEND_DAILY_LIMIT')),
    resendMonthlyLimit: readLimit('RESEND_MONTHLY_LIMIT', get('RESEND_MONTHLY_LIMIT')),
    smtpConnections: check(
      'SMTP_CONNECTIONS',
      wholeNumber(20).pipe(z.number().min(1)),
      get('SMTP_CONNECTIONS') ?? '2',
      'a number of connections, 1 to 20',
    ),
    smtpRate: get('SMTP_RATE')
      ? check(
          'SMTP_RATE',
          z
            .string()
            .regex(/^\d{1,4}(\.\d{1,3})?$/)
            .transform(Number)
            .pipe(z.number().min(0.01).max(1_000)),
          get('SMTP_RATE') as string,
          'mails per second, 0.01 to 1000, such as 10',
        )
      : null,
    hooks: {
      allowHttp: readYes('HOOKS_ALLOW_HTTP', get('HOOKS_ALLOW_HTTP') ?? 'yes'),
      allowPrivate: readYes('HOOKS_ALLOW_PRIVATE', get('HOOKS_ALLOW_PRIVATE') ?? 'no'),
    },
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
      wholeNumber(10),
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
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch {
    return fail(`${name}_FILE`, `names ${file}, which cannot be read`, 'Check the path and its permissions.');
  }
  return text || fail(`${name}_FILE`, `names ${file}, which is empty`, 'Write the value into it.');
}

/** Plain digits from 0 to `max`: what else JavaScript takes for a number is a slip of the pen here. */
function wholeNumber(max: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().max(max));
}

function readLimit(name: string, value: string | undefined): number | null {
  if (!value) return null;
  return check(
    name,
    wholeNumber(999_999_999).pipe(z.number().min(1)),
    value,
    'a number of mails, such as 100',
  );
}

function readYes(name: string, value: string): boolean {
  return check(name, z.enum(['yes', 'no']), value, 'yes or no') === 'yes';
}

function check<T>(name: string, schema: z.ZodType<T>, value: string, wanted: string): T {
  const result = schema.safeParse(value);
  return result.success ? result.data : fail(name, `is "${value}"`, `Set it to ${wanted}.`);
}

function fail(name: string, what: string, fix: string): never {
  throw new ConfigError(`${name} ${what}. ${fix}`);
}

function readLanguages(text: string): Languages {
  const known = Object.keys(LOCALES)
    .filter((one) => one !== 'en-XA')
    .join(', ');
  const fix = `Write those that the page is offered in, the first of them for the plain addresses, of: ${known}.`;
  const names = text.split(',').map((one) => one.trim());
  const wrong = names.find((one, i) => !isLocale(one) || names.indexOf(one) !== i);
  if (wrong !== undefined) return fail('LANGUAGES', `is "${text}"`, fix);
  return names as unknown as Languages;
}

function readSiteUrl(text: string): string {
  const url = URL.parse(text);
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.search ||
    url.hash ||
    url.username ||
    !/^(\/[A-Za-z0-9][A-Za-z0-9._~-]*)*\/?$/.test(url.pathname)
  )
    return fail(
      'SITE_URL',
      `is "${text}"`,
      'Set it to the public address of the page, such as https://status.example.com or https://example.com/status.',
    );
  return url.origin + url.pathname.replace(/\/$/, '');
}

function readHosts(text: string, siteUrl: string): string[] {
  const hosts = text
    .toLowerCase()
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
  const wrong = hosts.find(
    (one) => URL.parse(`https://${one}`)?.host !== one || one === new URL(siteUrl).host,
  );
  if (wrong !== undefined)
    return fail(
      'FORMER_HOSTS',
      `names "${wrong}"`,
      'Write the names under which the page was before, such as old.example.com, status.example.org.',
    );
  return hosts;
}

/** `sqlite:PATH` is made absolute; `postgres://` stays. */
function readDatabaseUrl(text: string | undefined, dataDir: string): string {
  if (!text) return `sqlite:${join(dataDir, 'foghorn.db')}`;
  if (/^postgres(ql)?:\/\//.test(text)) return text;
  const fix = 'Write sqlite:./data/foghorn.db or postgres://user:password@host/name.';
  if (!text.startsWith('sqlite:')) return fail('DATABASE_URL', 'is neither sqlite: nor postgres://', fix);
  const file = text.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
  // One in memory could not be read by the other connections, and would be gone at the end.
  if (!file || file.startsWith(':memory:')) return fail('DATABASE_URL', 'names no file', fix);
  return `sqlite:${resolve(file)}`;
}

/** An address whose host may be a name inside, such as localhost: what a mail server of one's own knows. */
const ADDRESS = z.email({
  pattern:
    /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+)*@([\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?\.)*[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?$/u,
});

function readReplyTo(text: string | undefined): string | null {
  if (!text) return null;
  // A provider refuses a wrong one in every mail, and answers to it would be lost.
  if (!ADDRESS.safeParse(text).success || !/@.*\.[^.]{2,}$/.test(text))
    return fail('MAIL_REPLY_TO', `is "${text}"`, 'Write one address, such as support@example.com.');
  return text;
}

function readResendBaseUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    return fail(
      'RESEND_BASE_URL',
      `is "${text}"`,
      'Leave it out, or set it to an address such as https://api.resend.com.',
    );
  return text.replace(/\/+$/, '');
}

/** As Resend shows it: `whsec_` and at least 24 bytes in base64, of which a signature's strength comes. */
function readWebhookSecret(text: string | undefined): string | null {
  if (!text) return null;
  if (!/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(text))
    return fail(
      'RESEND_WEBHOOK_SECRET',
      'is no signing secret',
      'Copy it from the webhook’s page in Resend: it begins with whsec_.',
    );
  return text;
}

function readMailFrom(text: string): string {
  const address = /^[^<>@]*<([^<>]*)>$/.exec(text)?.[1] ?? text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\x00-\x1f\x7f]/.test(text) || !ADDRESS.safeParse(address).success)
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
  try {
    mkdirSync(dataDir, { recursive: true });
    if (!existsSync(file)) createSecretKey(file);
    const key = readFileSync(file, 'utf8').trim();
    if (key.length >= 32) return key;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return fail(
      'DATA_DIR',
      `is ${dataDir}, where ${file} cannot be kept (${code})`,
      'Check that it is a folder that may be written to.',
    );
  }
  return fail(
    'SECRET_KEY',
    `is not set, and ${file} holds no key`,
    'Put back the key from your backup, or delete the file: old links and sessions then end.',
  );
}

/** Whole or not at all, and once: of processes that start together all read the key of the first. */
function createSecretKey(file: string): void {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
}
