/** One record of a CSV file (RFC 4180), with the line it begins on; or why it could not be read. */
export type CsvRecord = { line: number; fields: string[] } | { line: number; error: string };

/** Past this a field is taken for a quote that was never closed, so that one slip cannot swallow the rest of the file. */
const MAX_FIELD = 10_000;

/**
 * Reads CSV as it streams in, in pieces of any size: commas, quotes doubled within quotes, line breaks within quotes, CRLF or LF, a byte
 * order mark. Empty lines are left out. Holds one record at a time.
 */
export async function* parseCsv(pieces: AsyncIterable<string> | Iterable<string>): AsyncGenerator<CsvRecord> {
  const reader = new CsvReader();
  for await (const piece of pieces) yield* reader.read(piece);
  yield* reader.end();
}

type State = 'start' | 'plain' | 'quoted' | 'closed' | 'skip';

class CsvReader {
  #state: State = 'start';
  #fields: string[] = [];
  #field = '';
  #line = 1;
  #began = 1;
  #first = true;

  *read(piece: string): Generator<CsvRecord> {
    let text = piece;
    if (this.#first && text) {
      this.#first = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    for (const part of text.split(/([",\n])/)) yield* this.#take(part);
  }

  *end(): Generator<CsvRecord> {
    if (this.#state === 'quoted') yield { line: this.#began, error: this.#neverClosed() };
    else yield* this.#endRecord();
  }

  /** `part` is a quote, a comma, a line break, or a run of text without any of them. */
  *#take(part: string): Generator<CsvRecord> {
    if (part === '') return;
    const before = this.#line;
    if (part === '\n') this.#line++;
    switch (this.#state) {
      case 'skip':
        if (part === '\n') this.#restart();
        return;
      case 'quoted':
        if (part === '"') this.#state = 'closed';
        else {
          this.#field += part;
          if (this.#field.length > MAX_FIELD) {
            yield { line: this.#began, error: this.#neverClosed() };
            this.#state = 'skip';
          }
        }
        return;
      case 'closed':
        // A second quote stands for one; anything else but the end of the field was written after the closing quote.
        if (part === '"') {
          this.#field += '"';
          this.#state = 'quoted';
        } else if (part === ',') this.#endField();
        else if (part === '\n') yield* this.#endRecord();
        else if (part !== '\r') {
          yield { line: before, error: 'There is text after a closing quote.' };
          this.#state = 'skip';
        }
        return;
      default:
        if (part === ',') this.#endField();
        else if (part === '\n') yield* this.#endRecord();
        else if (part === '"' && this.#state === 'start') this.#state = 'quoted';
        else {
          this.#field += part;
          this.#state = 'plain';
        }
    }
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = '';
    this.#state = 'start';
  }

  *#endRecord(): Generator<CsvRecord> {
    if (this.#state === 'skip') return;
    if (this.#state === 'plain' && this.#field.endsWith('\r')) this.#field = this.#field.slice(0, -1);
    const empty = this.#fields.length === 0 && this.#field.trim() === '' && this.#state !== 'closed';
    const record = { line: this.#began, fields: [...this.#fields, this.#field] };
    this.#restart();
    if (!empty) yield record;
  }

  #neverClosed(): string {
    return `A quote is opened and not closed by line ${this.#line}: what lies between was not read.`;
  }

  #restart(): void {
    this.#fields = [];
    this.#field = '';
    this.#state = 'start';
    this.#began = this.#line;
  }
}
