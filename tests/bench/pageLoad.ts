import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { pathToFileURL } from 'node:url';

const PER_SECOND = 100;

/**
 * Asks for the public page at a steady pace, however slowly it answers, as many visitors do. In a process of its own, which waits for no
 * processor where it may ask for that (`chrt`): visitors have machines of their own, and what this one waits for itself would stand in the
 * times as if the page had been slow.
 */
export async function startPageLoad(url: string): Promise<{ stop: () => Promise<number[]> }> {
  const child: ChildProcess = fork(import.meta.filename, [url], { serialization: 'advanced' });
  spawnSync('chrt', ['--rr', '--all-tasks', '--pid', '1', `${child.pid}`]);
  await once(child, 'message');
  return {
    /** @returns how many milliseconds each took */
    async stop() {
      const answered = once(child, 'message');
      child.send('stop');
      const [times] = (await answered) as [number[] | string];
      child.disconnect();
      if (typeof times === 'string') throw new Error(times);
      return times;
    },
  };
}

function visit(url: string): void {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const asked: Promise<number>[] = [];
  const timer = setInterval(() => asked.push(askOnce(url, agent)), 1000 / PER_SECOND);
  process.once('message', async () => {
    clearInterval(timer);
    process.send?.(await Promise.all(asked).catch((error: Error) => error.message));
    agent.destroy();
  });
  process.send?.('begun');
}

function askOnce(url: string, agent: Agent): Promise<number> {
  const began = performance.now();
  const asked = new Promise<number>((resolve, reject) => {
    get(url, { agent, headers: { 'accept-encoding': 'br' } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`The page answered ${response.statusCode}.`));
      response.resume();
      response.on('end', () => resolve(performance.now() - began));
    }).on('error', reject);
  });
  // Said when all are counted.
  asked.catch(() => undefined);
  return asked;
}

if (import.meta.url === pathToFileURL(process.argv[1] as string).href) visit(process.argv[2] as string);
