import { Agent, get } from 'node:http';

/** Asks for the public page at a steady pace, however slowly it answers, as many visitors do. */
export function startPageLoad(url: string, { perSecond = 100 } = {}): { stop: () => Promise<number[]> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const asked: Promise<number>[] = [];
  const timer = setInterval(() => asked.push(askOnce(url, agent)), 1000 / perSecond);
  return {
    /** @returns how many milliseconds each took */
    async stop() {
      clearInterval(timer);
      const times = await Promise.all(asked);
      agent.destroy();
      return times;
    },
  };
}

function askOnce(url: string, agent: Agent): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { 'accept-encoding': 'br' } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`The page answered ${response.statusCode}.`));
      response.resume();
      response.on('end', () => resolve(performance.now() - began));
    }).on('error', reject);
  });
}
