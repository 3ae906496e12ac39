import { type Logger, pino } from 'pino';

/** JSON lines on standard output. Addresses, tokens and cookies never reach it: what might hold one is redacted. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: [
      'email',
      'address',
      'token',
      'password',
      'cookie',
      '*.email',
      '*.address',
      '*.token',
      '*.password',
      '*.cookie',
    ],
  });
}
