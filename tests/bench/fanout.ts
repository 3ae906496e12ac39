import { measureAllowance } from './allowance.ts';
import { type Figure, lineOf, passes } from './bars.ts';
import { measureExpansion } from './expansion.ts';
import { measureFirstMail } from './firstMail.ts';
import { makeMillion } from './million.ts';
import { measureThroughput } from './throughput.ts';

/**
 * How the fan-out does, as figures with bars: `node tests/bench/fanout.ts [a] [b] [c] [d]`, all when none is named.
 * Takes some minutes; ends with 1 when a bar is missed.
 */
const wanted = new Set(process.argv.slice(2));
const wants = (...parts: string[]) => !wanted.size || parts.some((part) => wanted.has(part));
const figures: Figure[] = [];

if (wants('b')) await take(measureThroughput());
if (wants('c')) for (const latencyMs of [0, 150]) await take(measureAllowance(latencyMs));
if (wants('a', 'd')) {
  const million = await makeMillion();
  if (wants('a')) await take(measureExpansion(million));
  if (wants('d')) await take(measureFirstMail(million));
  million.remove();
}
const missed = figures.filter((figure) => !passes(figure));
if (missed.length) {
  console.log(`\nMISSED:\n${missed.map((figure) => `  ${lineOf(figure)}`).join('\n')}`);
  process.exitCode = 1;
} else console.log('\nEvery bar is kept.');

async function take(measured: Promise<Figure[]>): Promise<void> {
  for (const figure of await measured) {
    figures.push(figure);
    console.log(lineOf(figure));
  }
}
