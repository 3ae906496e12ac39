/** "[#######-------------]  35 %  3,500 of 10,000 rows" */
export function progressBar(done: number, total: number, what: string): string {
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const filled = Math.round(share * 30);
  return `[${'#'.repeat(filled)}${'-'.repeat(30 - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %  ${what}`;
}

/** 3671 as "3,671". */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** "1 incident", "2 incidents". */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
