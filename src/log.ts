import { type Logger, pino } from 'pino';

/** What may hold an address or a secret, by its name; the last three are where PostgreSQL quotes the row that it refused. */
const UNSPOKEN = ['email', 'address', 'token', 'password', 'cookie', 'detail', 'where', 'parameters'];

/** JSON lines on standard output. Addresses, tokens and cookies never reach it: what might hold one is redacted. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: UNSPOKEN.flatMap((name) => [name, `*.${name}`]),
  });
}
