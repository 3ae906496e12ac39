import { request as httpRequest, type IncomingMessage, type RequestOptions, STATUS_CODES } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { addressProblem, type HookRules, hostOf, readHookUrl } from '#domain/hooks.ts';

/** All addresses of a host, as the system knows them. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export type HookAnswer =
  /** It answered; `text` is the beginning of what it said, on one line. */
  | {
      kind: 'answer';
      status: number;
      words: string;
      text: string;
      retryAfterMs: number | null;
      location: string | null;
    }
  /** It was not called, or gave no answer in time. */
  | { kind: 'failed'; reason: string };

/** As much of an answer is looked at; the rest is not read. */
const MAX_TEXT = 2_000;
/** How long the rest of an answer may take once its status is here: what matters has been said. */
const TEXT_MS = 3_000;

/**
 * One POST to an address that someone else chose. It is checked here once more, and the connection goes to an address that was
 * looked at in the same breath: whatever the name leads to a moment later is not asked. Redirects are answers, never followed.
 */
export async function callHook(
  call: { url: string; headers: Record<string, string>; body: string },
  net: { rules: HookRules; resolve: Resolve; timeoutMs: number; signal: AbortSignal },
): Promise<HookAnswer> {
  const read = readHookUrl(call.url, net.rules);
  if (read.url === null) return { kind: 'failed', reason: read.problem };
  const url = new URL(read.url);
  const timeout = AbortSignal.timeout(net.timeoutMs);
  const options: RequestOptions & { signal: AbortSignal } = {
    method: 'POST',
    hostname: hostOf(url),
    port: url.port || undefined,
    path: url.pathname + url.search,
    // A connection of its own, through no proxy: one that is kept could outlive what its address was checked for.
    agent: false,
    lookup: pinnedLookup(net),
    signal: AbortSignal.any([timeout, net.signal]),
    maxHeaderSize: 16_384,
    headers: {
      ...call.headers,
      host: url.host,
      'content-length': String(Buffer.byteLength(call.body)),
      connection: 'close',
    },
  };
  try {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return await Promise.race([exchange(request, options, call.body), aborted(options.signal)]);
  } catch (error) {
    if (timeout.aborted)
      return { kind: 'failed', reason: `No answer within ${Math.round(net.timeoutMs / 1000)} seconds.` };
    if (net.signal.aborted) return { kind: 'failed', reason: 'Foghorn was stopped.' };
    return { kind: 'failed', reason: failureWords(error as NodeJS.ErrnoException) };
  }
}

function exchange(request: typeof httpRequest, options: RequestOptions, body: string): Promise<HookAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (incoming) => void readAnswer(incoming).then(resolve));
    // Only for who asks: without this an answer of 101 would never be heard of again.
    outgoing.on('upgrade', (incoming, socket) => {
      socket.destroy();
      resolve(answerOf(incoming, ''));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Fails when the time is up, whatever the other side has thought of: a call that never ended would keep its place for ever. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });
}

async function readAnswer(incoming: IncomingMessage): Promise<HookAnswer> {
  const { statusCode: status = 0 } = incoming;
  // Once taken it is taken, however long the rest may be.
  const text = status >= 200 && status < 300 ? '' : await readText(incoming);
  incoming.on('error', () => undefined);
  incoming.destroy();
  return answerOf(incoming, text);
}

function answerOf({ statusCode: status = 0, headers }: IncomingMessage, text: string): HookAnswer {
  return {
    kind: 'answer',
    status,
    words: `${status} ${STATUS_CODES[status] ?? ''}`.trim(),
    text,
    retryAfterMs: readRetryAfter(headers['retry-after'], headers.date),
    location: oneLine(headers.location ?? '').slice(0, 200) || null,
  };
}

/** The beginning of the body, as far as it comes in time. */
function readText(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = () => {
      clearTimeout(timer);
      resolve(oneLine(Buffer.concat(chunks).subarray(0, MAX_TEXT).toString('utf8')).slice(0, 200));
    };
    const timer = setTimeout(done, TEXT_MS);
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_TEXT) done();
    });
    incoming.on('end', done);
    incoming.on('error', done);
    incoming.on('close', done);
  });
}

/** Looks the name up, looks at every address that it has, and gives those, and only those, to be connected to. */
function pinnedLookup({ rules, resolve }: { rules: HookRules; resolve: Resolve }): LookupFunction {
  return (host, { all, family }, callback) => {
    resolve(host).then(
      (addresses) => {
        // One that must not be called speaks against the name as a whole: the next answer could hold that one alone.
        const problem = addresses
          .map((address) => addressProblem(address, rules))
          .find((one) => one !== null);
        const found = addresses
          .map((address) => ({ address, family: isIP(address) }))
          .filter((one) => !family || one.family === Number(String(family).replace('IPv', '')));
        const first = found[0];
        if (problem || !first)
          return callback(new RefusedAddress(problem ?? 'Its host has no address.'), '', 0);
        if (all) callback(null, found);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

class RefusedAddress extends Error {
  override name = 'RefusedAddress';
}

/** Seconds, or a time, which is counted by the other side's clock. */
function readRetryAfter(value: string | undefined, date: string | undefined): number | null {
  if (!value) return null;
  if (/^\d{1,9}(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1_000);
  const wait = Date.parse(value) - Date.parse(date ?? '');
  return wait > 0 ? wait : null;
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'Nothing listens there: the connection was refused.',
  ECONNRESET: 'The connection was cut before an answer came.',
  EPIPE: 'The connection was cut before an answer came.',
  ETIMEDOUT: 'The connection could not be made in time.',
  EHOSTUNREACH: 'There is no way to its host.',
  ENETUNREACH: 'There is no way to its network.',
  ENOTFOUND: 'Its host does not exist.',
  EAI_AGAIN: 'Its host could not be looked up for now.',
  CERT_HAS_EXPIRED: 'Its certificate has expired.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Its certificate is signed by nobody that is trusted.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Its certificate is signed by nobody that is trusted.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Its certificate is signed by nobody that is trusted.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Its certificate is signed by nobody that is trusted.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another host.',
  HPE_HEADER_OVERFLOW: 'Its answer has too many headers.',
};

function failureWords(error: NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }): string {
  if (error instanceof RefusedAddress) return error.message;
  const code = error.code ?? error.errors?.[0]?.code ?? '';
  if (WORDS[code]) return WORDS[code];
  if (code.startsWith('HPE_')) return 'What answered is no web server.';
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) return 'It does not speak TLS as a web server does.';
  return `The call failed (${code || error.name}).`;
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}
