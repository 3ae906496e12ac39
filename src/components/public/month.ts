const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** "November 2026" for 2026-11. */
export function monthName(month: string): string {
  return `${monthOfYear(month)} ${month.slice(0, 4)}`;
}

export function monthOfYear(month: string): string {
  return MONTHS[Number(month.slice(5)) - 1] as string;
}
