import type { StateCounts } from '#domain/deliveries.ts';

/** How far one message to many has got, as its bar shows it. */
export type FanoutCounts = {
  waiting: number;
  sent: number;
  failed: number;
  leftOut: number;
  total: number;
  states: StateCounts;
  /** When it will be through, in words; '' when nothing of it waits. */
  finish: string;
  /** For how long the oldest of it has been unsent, and the pace; '' when nothing of it waits. */
  going: string;
};

/** "812 of 1,000 sent · 188 waiting · 3 failed · about 4 minutes at the present pace": what is nil is not said. */
export function countsText({
  waiting,
  sent,
  failed,
  leftOut,
  total,
  finish,
}: Omit<FanoutCounts, 'states' | 'going'>): string {
  const number = (count: number) => count.toLocaleString('en');
  return [
    waiting ? `${number(sent)} of ${number(total)} sent` : `${number(sent)} sent`,
    waiting && `${number(waiting)} waiting`,
    failed && `${number(failed)} failed`,
    leftOut && `${number(leftOut)} left out`,
    finish,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** A share of the whole as an SVG length. */
export function share(count: number, total: number): string {
  return `${total ? Math.round((count / total) * 1000) / 10 : 0}%`;
}
