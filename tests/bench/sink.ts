import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { FakeCall } from '../support/fakeResend.ts';

/** The stand-in for Resend in a process of its own. */
export type Sink = {
  url: string;
  /** Mails that it took. */
  taken: () => Promise<number>;
  calls: () => Promise<FakeCall[]>;
  stop: () => void;
};

export async function startSink({
  latencyMs = 0,
  ratePerSecond = 0,
}: {
  latencyMs?: number;
  ratePerSecond?: number;
} = {}): Promise<Sink> {
  const program = join(import.meta.dirname, '../support/fakeResend.ts');
  const args = [program, '0', String(latencyMs), '0', '1', String(ratePerSecond)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const url = line.toString().trim();
  const get = async (path: string) => (await fetch(url + path)).json();
  return {
    url,
    taken: async () => ((await get('/taken')) as { mails: number }).mails,
    calls: async () => (await get('/log')) as FakeCall[],
    stop: () => void child.stdin?.end(),
  };
}

export function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
