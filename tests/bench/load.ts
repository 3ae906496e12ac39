import { Agent, get } from 'node:http';

/** Where there is no wrk: keeps `connections` busy with one request each for some seconds, and prints the rate as wrk does. */
const [url = '', seconds = '3', connections = '50', accepts = 'br'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const until = performance.now() + Number(seconds) * 1000;
let answered = 0;
let wrong = 0;

function again(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { 'accept-encoding': accepts } }, (response) => {
      if (response.statusCode !== 200) wrong += 1;
      response.resume();
      response.on('end', () => {
        answered += 1;
        resolve(performance.now() < until ? again() : undefined);
      });
    }).on('error', reject);
  });
}

const began = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, again));
console.log(`Requests/sec: ${(answered / ((performance.now() - began) / 1000)).toFixed(2)}`);
if (wrong) console.log(`Non-2xx: ${wrong}`);
process.exit(0);
