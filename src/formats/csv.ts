/** One cell: null is empty. */
export type Cell = string | number | null;

/** What a spreadsheet would take for a formula, also behind blanks, controls and in full width. */
const FORMULA = /^[\s\p{C}]*[=+\-@|%＝＋－＠]/u;

/**
 * Rows as CSV (RFC 4180: CRLF, quotes doubled within quotes), with the byte order mark by which spreadsheets know UTF-8. Text that a
 * spreadsheet would run as a formula begins with an apostrophe, so that what a user typed is never acted on.
 */
export function csvText(rows: readonly (readonly Cell[])[]): string {
  return `\uFEFF${rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('')}`;
}

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
