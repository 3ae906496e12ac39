import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer } from './answer.ts';
import { declaresTooMuch } from './body.ts';
import { askedFor, type Sendable, send, variantOf } from './cache/sendable.ts';

/** What `answer` may give back: bytes for this request alone, or something kept that knows its encodings. */
export type Outcome = { answer: Answer } | { sendable: Sendable };

export type HttpOptions = {
  /** A request target as everything else here knows it; as it is, when left out. */
  locate?: (target: string) => string;
  /** The fresh kept answer for a request target. */
  peek: (target: string) => Sendable | null;
  isKnownHost: (host: string) => boolean;
  /** Everything that the hot path did not answer. May throw: then `failure` is sent. */
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<Outcome>;
  failure: (request: IncomingMessage, error: unknown) => Promise<Answer>;
  /** Told of each request that the hot path did not answer. */
  answered: (request: IncomingMessage, status: number, ms: number) => void;
  /** Headers of the answers that are given before there is a request to speak of. */
  bareHeaders: readonly (readonly [string, string])[];
  timeouts?: { headers: number; request: number };
};

export type HttpServer = {
  server: Server;
  /**
   * Stops accepting, lets running requests end, for `ms` at most, then cuts what is left.
   * @returns how many connections were cut
   */
  stop: (ms: number) => Promise<number>;
};

const MAX_HEADER_BYTES = 16 * 1024;
const TIMEOUTS = { headers: 10_000, request: 30_000 };
/** Above the usual 60 s of the proxies in front, so that it is never us who close a connection they are about to use. */
const KEEP_ALIVE_MS = 65_000;
const STALLED_MS = 120_000;
/** For a client that is still sending what was refused: how much and how long it is listened to, so that it gets to read why. */
const LINGER_BYTES = 8 * 1024 * 1024;
const LINGER_MS = 5_000;

export function createHttpServer(options: HttpOptions): HttpServer {
  const { headers, request } = options.timeouts ?? TIMEOUTS;
  let stopping = false;

  const onRequest = (incoming: IncomingMessage, response: ServerResponse): void => {
    if (stopping) response.shouldKeepAlive = false;
    if (options.locate) incoming.url = options.locate(incoming.url as string);
    // The hot path: one look-up, no parsing, no log.
    if (incoming.method === 'GET' || incoming.method === 'HEAD') {
      const sendable = options.peek(incoming.url as string);
      if (sendable) {
        const asked = askedFor(incoming);
        const variant = sendable.variants[asked.encoding];
        if (variant && options.isKnownHost(asked.host)) {
          send(response, sendable.answer.status, variant, asked.ifNoneMatch);
          return;
        }
      }
    }
    void respond(options, incoming, response, () => stopping);
  };

  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headers,
      requestTimeout: request,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1000, headers),
      // We answer it ourselves, with our headers.
      requireHostHeader: false,
    },
    onRequest,
  );
  // A client that has stopped reading what it asked for.
  server.timeout = STALLED_MS;
  server.on('checkContinue', (incoming: IncomingMessage, response: ServerResponse) => {
    // Only a body that will be read is asked for.
    if (!declaresTooMuch(incoming)) response.writeContinue();
    onRequest(incoming, response);
  });
  server.on('connect', (_request: IncomingMessage, socket: Socket) =>
    refuse(socket, '405 Method Not Allowed', 'Foghorn is no proxy.', options.bareHeaders),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
    if (error.code === 'HPE_HEADER_OVERFLOW')
      return refuse(
        socket,
        '431 Request Header Fields Too Large',
        'The headers of the request are larger than 16 KB.',
        options.bareHeaders,
      );
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
      return refuse(
        socket,
        '408 Request Timeout',
        'The request did not arrive in time.',
        options.bareHeaders,
      );
    return refuse(socket, '400 Bad Request', 'This is not an HTTP request.', options.bareHeaders);
  });

  return {
    server,
    stop: async (ms) => {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      let cut = 0;
      const timer = setTimeout(() => {
        server.getConnections((_error, count) => {
          cut = count ?? 0;
          server.closeAllConnections();
        });
      }, ms);
      await closed;
      clearTimeout(timer);
      return cut;
    },
  };
}

async function respond(
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  isStopping: () => boolean,
): Promise<void> {
  const began = performance.now();
  let outcome: Outcome;
  try {
    outcome = await options.answer(request, response);
  } catch (error) {
    outcome = { answer: await options.failure(request, error) };
  }
  // We may have begun to stop since it came: a connection kept alive would hold us up.
  if (isStopping()) response.shouldKeepAlive = false;
  try {
    if ('sendable' in outcome) {
      const { encoding, ifNoneMatch } = askedFor(request);
      const variant = await variantOf(outcome.sendable, encoding);
      send(response, outcome.sendable.answer.status, variant, ifNoneMatch);
    } else {
      write(request, response, outcome.answer);
    }
  } catch (error) {
    // Half an answer cannot be taken back; the cut connection tells the client that it is not whole.
    void options.failure(request, error);
    response.destroy();
  }
  options.answered(request, response.statusCode, performance.now() - began);
}

function write(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const head = ['content-length', String(answer.body.length)];
  for (const [name, value] of answer.headers) if (name !== 'content-length') head.push(name, value);
  const unread = answer.status === 413 && !request.complete;
  if (unread) head.push('connection', 'close');
  response.writeHead(answer.status, head);
  if (!unread) {
    response.end(answer.body);
    return;
  }
  response.write(answer.body);
  linger(request, response);
}

/** Ends the answer only when the client has stopped sending: closing sooner resets the connection before it has read why. */
function linger(request: IncomingMessage, response: ServerResponse): void {
  let left = LINGER_BYTES;
  const timer = setTimeout(() => response.destroy(), LINGER_MS);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) response.destroy();
  });
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  request.on('end', end);
  request.on('close', end);
  request.resume();
}

/** Answers a socket on which there is no request to answer. */
function refuse(socket: Socket, status: string, text: string, headers: HttpOptions['bareHeaders']): void {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\n${lines}content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
