import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';

export type WorkerProcess = {
  /** Resolves when the first one sends, or has ended without. */
  begun: Promise<void>;
  /** There may be mail to send: it looks at once. */
  wake: () => void;
  /** Resolves when it has ended, after the calls that were under way. */
  stop: () => Promise<void>;
};

/**
 * Visitors go first where both want a processor: on the system's scale of niceness, where 10 more is about a tenth of the share. The first
 * mails of a post need little, and get it; what needs much (a fan-out to a million) has time.
 */
const BEHIND_VISITORS = 10;
/** The end of that scale. */
const LAST = 19;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** One that ran for so long was well. */
const WELL_MS = 60_000;
/** A little more than it gives its own calls. */
const STOP_MS = 20_000;

/**
 * Runs `foghorn worker` beside the server: a fan-out to a million people then takes neither time nor memory from the process that answers
 * visitors, and a fault in it does not end the page. When it ends without having been asked to, another is started.
 */
export function startWorkerProcess(log: Logger): WorkerProcess {
  let child: ChildProcess | null = null;
  let again: NodeJS.Timeout | undefined;
  let pause = FIRST_WAIT_MS;
  let stopping = false;
  let ended = Promise.resolve();

  start();
  return {
    begun: Promise.race([ended, new Promise<void>((resolve) => child?.once('message', () => resolve()))]),
    wake: () => {
      if (child?.connected) child.send('outbox', () => undefined);
    },
    stop: async () => {
      stopping = true;
      clearTimeout(again);
      child?.kill('SIGTERM');
      const deadline = setTimeout(() => child?.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(deadline);
    },
  };

  function start(): void {
    const begun = performance.now();
    const started = fork(commandLine(), ['worker'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // What was meant for this process (a profiler, a debugger's port) is not for that one.
      execArgv: [],
    });
    child = started;
    letVisitorsGoFirst(started);
    ended = new Promise((resolve) => {
      const end = (reason: object) => {
        if (child !== started) return;
        child = null;
        resolve();
        if (stopping) return;
        if (performance.now() - begun > WELL_MS) pause = FIRST_WAIT_MS;
        log.error({ ...reason, againInMs: pause }, 'The worker ended by itself. It is started again.');
        again = setTimeout(start, pause);
        pause = Math.min(pause * 2, LONGEST_WAIT_MS);
      };
      started.on('error', (error) => end({ err: error }));
      started.on('exit', (code, signal) => end({ code, signal }));
    });
  }

  function letVisitorsGoFirst({ pid }: ChildProcess): void {
    try {
      if (pid) setPriority(pid, Math.min(LAST, getPriority() + BEHIND_VISITORS));
    } catch (error) {
      log.warn({ err: error }, 'The worker could not be put behind visitors; it works all the same.');
    }
  }
}

/** The command line runs from its sources, beside whichever folder this module was bundled into. */
function commandLine(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, 'src/cli/main.ts');
    if (existsSync(file) || folder === dirname(folder)) return file;
  }
}
