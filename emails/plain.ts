/** The plain-text part: 72 columns, an address alone on its line. */
const WIDTH = 72;

/** Blocks with an empty line between them; the empty ones are left out. */
export function blocks(...parts: (string | null)[]): string {
  return `${parts.filter((part) => part !== null && part !== '').join('\n\n')}\n`;
}

/** Breaks lines at words. A word longer than the line (an address) stays whole. `indent` goes before every line. */
export function wrap(text: string, indent = ''): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, indent))
    .join('\n');
}

function wrapLine(line: string, indent: string): string {
  // A list item's further lines stand under its words.
  const hang = indent + (line.startsWith('- ') ? '  ' : '');
  const out: string[] = [];
  let current = indent;
  for (const word of line.split(/ +/)) {
    if (current.trim() && current.length + 1 + word.length > WIDTH) {
      out.push(current);
      current = hang + word;
    } else current += current.trim() ? ` ${word}` : word;
  }
  return [...out, current].join('\n').trimEnd();
}

/** Two columns, like a timetable. */
export function columns(rows: readonly { left: string; right: string }[], indent = '  '): string {
  const widest = Math.max(...rows.map((row) => row.left.length));
  const width = Math.min(widest, WIDTH - indent.length - 20);
  return rows.map(({ left, right }) => `${indent}${left.padEnd(width)}  ${right}`).join('\n');
}

/** Words, then the address on a line of its own. */
export function link(words: string, url: string): string {
  return `${words}:\n${url}`;
}
