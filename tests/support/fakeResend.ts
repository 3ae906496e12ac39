import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { seededRandom } from './chance.ts';

/** What the next call shall meet; each is used up by one call, in order. Where mails are taken, a repeat of a key takes none. */
export type Mishap =
  /** Nothing is taken; the connection is cut. */
  | { kind: 'drop' }
  /** The mails are taken, then the connection is cut before the answer. */
  | { kind: 'takeAndDrop' }
  /** The mails are taken, and the answer is this instead. */
  | { kind: 'takeAndAnswer'; status: number; body: string }
  /** Nothing is taken, and this is the answer. */
  | { kind: 'answer'; status: number; body: string; headers?: Record<string, string> }
  /** Nothing is taken and no answer comes; `released` ends it. */
  | { kind: 'hang' }
  /** The mails are taken; the head of the answer comes, the body never ends. */
  | { kind: 'takeAndHang' }
  /** The mails are taken; of the answer the head comes at once, and the body bit by bit over so long. */
  | { kind: 'takeAndDrip'; ms: number }
  /** The mails are taken, and the answer comes once this resolves; or what follows in its place. */
  | { kind: 'takeAndHold'; until: Promise<unknown>; after?: Mishap };

export type FakeOptions = {
  port?: number;
  /** Calls that may arrive in any second, to the millisecond, before 429; no limit by default. */
  ratePerSecond?: number;
  /** Milliseconds since the epoch, for that; the real clock by default. */
  now?: () => number;
  /** Calls of the last second that others made by the same account. */
  strangers?: () => number;
  /** Milliseconds that a call takes. */
  latencyMs?: number | (() => number);
  /** Mails that the day allows; the account tells that and what is used of it. */
  dailyQuota?: number;
  /** When the quotas begin anew; by the real clock when left out. */
  resets?: { daily: string; monthly: string };
  /** After this share of calls the mails are taken and the answer is lost; chance comes from `random`. */
  lostAnswers?: number;
  random?: () => number;
  /** What a call meets for which nothing else is planned. */
  chance?: () => Mishap | null;
  apiKey?: string;
  /** The key may send and nothing else: the account does not tell. */
  sendingOnly?: boolean;
  /** Counts the mails and does not keep them, for a great many. */
  forgetful?: boolean;
};

export type TakenMail = {
  to: string;
  subject: string;
  html: string;
  text: string;
  headers: Record<string, string>;
  deliveryId: string;
  key: string;
};

/** Their subjects begin with the severity, and nothing that subscribers get does. */
export function isStaffCall({ subject }: Pick<TakenMail, 'subject'>): boolean {
  return subject.startsWith('[SEV');
}

/** `at` and `answered` by the clock of the options; `subject` of its first mail, once that was taken. */
export type FakeCall = {
  key: string;
  hash: string;
  size: number;
  status: number;
  at: number;
  answered: number;
  subject: string;
};

export type FakeResend = {
  url: string;
  /** How many mails were taken. A repeat of a key takes none. */
  taken: number;
  /** The same mails, in order. */
  mails: TakenMail[];
  /** How often each address was mailed, by `ADDRESS SUBJECT`. */
  counts: Map<string, number>;
  /** Every call: its key, its body's hash, its status. */
  calls: FakeCall[];
  next: (...mishaps: Mishap[]) => void;
  /** What every call meets from now on; null for none. */
  always: (mishap: Mishap | null) => void;
  /** Refuses any batch that holds this address, as the real one does for a fault in one mail; with null no more. */
  refuse: (address: string, error?: { statusCode: number; name: string; message: string } | null) => void;
  setQuota: (mails: number) => void;
  close: () => Promise<void>;
};

const DAY = 24 * 3600 * 1000;

/**
 * A stand-in for Resend's batch endpoint over real HTTP, after its published reference: keys are kept 24 h with the payload's hash,
 * the same key with the same payload returns the first answer's ids, with another payload 409; one key at a time; strict validation.
 */
export async function startFakeResend(options: FakeOptions = {}): Promise<FakeResend> {
  const random = options.random ?? Math.random;
  const keys = new Map<string, { hash: string; ids: string[] | null; at: number }>();
  const mishaps: Mishap[] = [];
  let constant: Mishap | null = null;
  const refused = new Map<string, { statusCode: number; name: string; message: string }>();
  const now = options.now ?? Date.now;
  let arrivals: number[] = [];
  let quota = options.dailyQuota ?? Number.POSITIVE_INFINITY;
  const fake: FakeResend = {
    url: '',
    taken: 0,
    mails: [],
    counts: new Map(),
    calls: [],
    next: (...more) => void mishaps.push(...more),
    always: (mishap) => {
      constant = mishap;
    },
    refuse: (
      address,
      error = { statusCode: 422, name: 'validation_error', message: 'Invalid `to` field.' },
    ) => void (error ? refused.set(address, error) : refused.delete(address)),
    setQuota: (mails) => {
      quota = mails;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };

  const server: Server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (request.method === 'GET' && request.url === '/inspect') return answer(response, 200, inspect());
    if (request.method === 'GET' && request.url === '/taken')
      return answer(response, 200, { mails: fake.taken });
    if (request.method === 'GET' && request.url === '/log') return answer(response, 200, fake.calls);
    if (request.method === 'GET' && request.url === '/usage') {
      const { allowed, headers } = takeRate();
      if (!allowed) return fail(response, 429, 'rate_limit_exceeded', 'Too many requests.', headers);
      if (options.sendingOnly)
        return fail(
          response,
          401,
          'restricted_api_key',
          'This API key is restricted to only send emails.',
          headers,
        );
      return answer(response, 200, usage(), headers);
    }
    if (request.method !== 'POST' || request.url !== '/emails/batch')
      return fail(response, 404, 'not_found', 'The requested endpoint does not exist.');
    const key = String(request.headers['idempotency-key'] ?? '');
    const hash = createHash('sha256').update(body).digest('hex');
    const call = { key, hash, size: body.length, status: 0, at: now(), answered: 0, subject: '' };
    fake.calls.push(call);
    response.on('finish', () => {
      call.status = response.statusCode;
      call.answered = now();
    });

    let mishap = mishaps.shift() ?? constant ?? options.chance?.();
    if (mishap?.kind === 'drop') return void request.socket.destroy();
    if (mishap?.kind === 'hang') return;
    if (mishap?.kind === 'answer') return answer(response, mishap.status, mishap.body, mishap.headers);

    if (request.headers.authorization !== `Bearer ${options.apiKey ?? 're_test'}`)
      return fail(response, 401, 'missing_api_key', 'Missing API key in the authorization header.');
    if (request.headers['x-batch-validation'] !== 'strict')
      return fail(response, 422, 'validation_error', 'This stand-in only knows strict batches.');
    const limits = takeRate();
    if (!limits.allowed)
      return fail(response, 429, 'rate_limit_exceeded', 'Too many requests.', {
        ...limits.headers,
        'retry-after': limits.headers['ratelimit-reset'] as string,
      });
    if (!/^[\x21-\x7e]{1,256}$/.test(key))
      return fail(response, 400, 'invalid_idempotency_key', 'The key must be between 1 and 256 characters.');

    let entry = keys.get(key);
    if (entry && Date.now() - entry.at < DAY) {
      if (entry.hash !== hash)
        return fail(response, 409, 'invalid_idempotent_request', 'Same key, other payload.');
      if (!entry.ids)
        return fail(response, 409, 'concurrent_idempotent_requests', 'Another request is in progress.');
    } else {
      const problem = check(body);
      if (problem) return fail(response, problem.statusCode, problem.name, problem.message);
      const mails = JSON.parse(body.toString()) as unknown as WireMail[];
      if (mails.length > quota)
        return fail(response, 429, 'daily_quota_exceeded', 'You have reached your daily email quota.');

      // From here on the mails go out, whatever becomes of the caller and the answer.
      entry = { hash, ids: null, at: Date.now() };
      keys.set(key, entry);
      quota -= mails.length;
      const { latencyMs } = options;
      if (latencyMs) await pause(typeof latencyMs === 'function' ? latencyMs() : latencyMs);
      for (const mail of mails) take(mail, key);
      call.subject = mails[0]?.subject ?? '';
      entry.ids = mails.map(() => randomUUID());
    }
    const ids = entry.ids as string[];

    if (mishap?.kind === 'takeAndHold') {
      await mishap.until;
      mishap = mishap.after;
    }
    if (mishap?.kind === 'takeAndDrop') return void request.socket.destroy();
    if (mishap?.kind === 'takeAndAnswer') return answer(response, mishap.status, mishap.body);
    if (mishap?.kind === 'takeAndHang') {
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.write('{"data":[');
    }
    if (mishap?.kind === 'takeAndDrip') return drip(response, ids, mishap.ms);
    if (options.lostAnswers && random() < options.lostAnswers) return void request.socket.destroy();
    succeed(response, ids, limits.headers);
  }

  function take(mail: WireMail, key: string): void {
    const to = mail.to[0] as string;
    const count = `${to} ${mail.subject}`;
    fake.counts.set(count, (fake.counts.get(count) ?? 0) + 1);
    fake.taken++;
    if (options.forgetful) return;
    fake.mails.push({
      to,
      subject: mail.subject,
      html: mail.html,
      text: mail.text,
      headers: mail.headers ?? {},
      deliveryId: mail.tags?.find((tag) => tag.name === 'delivery_id')?.value ?? '',
      key,
    });
  }

  /** A sliding window over what arrived: the strictest way to count. */
  function takeRate(): { allowed: boolean; headers: Record<string, string> } {
    const limit = options.ratePerSecond;
    if (!limit) return { allowed: true, headers: {} };
    const time = now();
    arrivals = arrivals.filter((at) => at > time - 1000);
    const used = arrivals.length + (options.strangers?.() ?? 0);
    const allowed = used < limit;
    if (allowed) arrivals.push(time);
    return {
      allowed,
      headers: {
        'ratelimit-limit': String(limit),
        'ratelimit-remaining': String(Math.max(0, limit - used - (allowed ? 1 : 0))),
        'ratelimit-reset': (Math.max(1, (arrivals[0] ?? time) + 1000 - time) / 1000).toFixed(3),
      },
    };
  }

  function check(body: Buffer): { statusCode: number; name: string; message: string } | null {
    const invalid = (message: string) => ({ statusCode: 422, name: 'validation_error', message });
    let mails: unknown;
    try {
      mails = JSON.parse(body.toString());
    } catch {
      return { statusCode: 400, name: 'validation_error', message: 'The body is not JSON.' };
    }
    if (!Array.isArray(mails) || !mails.length || mails.length > 100)
      return invalid('A batch holds 1 to 100 emails.');
    for (const mail of mails as Partial<WireMail>[]) {
      if (!mail.from || !mail.to || !mail.subject || !(mail.html || mail.text))
        return { statusCode: 422, name: 'missing_required_field', message: 'A field is missing.' };
      if ('attachments' in mail) return invalid('Attachments are not allowed in a batch.');
      if (mail.to.length !== 1 || !/^[^\s@<>]+@[^\s@<>]+\.[a-z]+$/i.test(mail.to[0] as string))
        return invalid('Invalid `to` field.');
      for (const tag of mail.tags ?? [])
        if (!/^[\w-]{1,256}$/.test(tag.name) || !/^[\w-]{1,256}$/.test(tag.value))
          return invalid('Invalid `tags` field.');
      const error = refused.get(mail.to[0] as string);
      if (error) return error;
    }
    return null;
  }

  function usage() {
    const at = new Date(Math.ceil(Date.now() / DAY) * DAY).toISOString();
    const { daily, monthly } = options.resets ?? { daily: at, monthly: at };
    const limit = options.dailyQuota;
    const known = limit === undefined ? {} : { limit, used: limit - quota };
    return {
      object: 'usage',
      emails: { daily: { ...known, resets_at: daily }, monthly: { resets_at: monthly } },
    };
  }

  /** For a test in another process. */
  function inspect() {
    const doubled = [...fake.counts].filter(([, count]) => count > 1).map(([who]) => who);
    const examples = doubled.slice(0, 5);
    return {
      mails: fake.taken,
      people: fake.counts.size,
      doubled: doubled.length,
      examples,
      calls: fake.calls.length,
    };
  }
}

type WireMail = {
  from: string;
  to: string[];
  subject: string;
  html: string;
  text: string;
  headers?: Record<string, string>;
  tags?: { name: string; value: string }[];
};

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function succeed(response: ServerResponse, ids: readonly string[], headers: Record<string, string>): void {
  answer(response, 200, { data: ids.map((id) => ({ id })) }, headers);
}

async function drip(response: ServerResponse, ids: readonly string[], ms: number): Promise<void> {
  const body = JSON.stringify({ data: ids.map((id) => ({ id })) });
  response.writeHead(200, { 'content-type': 'application/json' });
  const bits = 10;
  const size = Math.ceil(body.length / bits);
  for (let bit = 0; bit < bits; bit++) {
    response.write(body.slice(bit * size, (bit + 1) * size));
    await pause(ms / bits);
  }
  response.end();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function fail(
  response: ServerResponse,
  statusCode: number,
  name: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  answer(response, statusCode, { statusCode, name, message }, headers);
}

function answer(
  response: ServerResponse,
  status: number,
  body: object | string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** On its own: `node fakeResend.ts PORT LATENCY_MS LOST_ANSWERS SEED RATE_PER_SECOND`; prints its address and ends with its standard input. */
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [port, latencyMs, lostAnswers, seed, ratePerSecond] = process.argv.slice(2).map(Number);
  const random = seededRandom(seed ?? 1);
  const fake = await startFakeResend({
    port,
    latencyMs,
    lostAnswers,
    ratePerSecond,
    random,
    forgetful: true,
  });
  console.log(fake.url);
  process.stdin.on('end', () => process.exit(0)).resume();
}
