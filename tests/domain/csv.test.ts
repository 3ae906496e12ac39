import { describe, expect, it } from 'vitest';
import { type CsvRecord, parseCsv } from '#domain/csv.ts';

async function read(pieces: string | string[]): Promise<CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const record of parseCsv([pieces].flat())) records.push(record);
  return records;
}
const fields = async (text: string) =>
  (await read(text)).map((record) => 'fields' in record && record.fields);

describe('CSV', () => {
  it('reads records and says on which line each begins', async () => {
    expect(await read('a,b\n\n"1\n2",3\nx,y\n')).toEqual([
      { line: 1, fields: ['a', 'b'] },
      { line: 3, fields: ['1\n2', '3'] },
      { line: 5, fields: ['x', 'y'] },
    ]);
  });

  it('knows quotes, doubled quotes, commas in quotes, CRLF, a byte order mark and a last line without an end', async () => {
    expect(await fields('\ufeff"e ""x""",b\r\n"a,b",\r\n,""\r\n\r\nlast')).toEqual([
      ['e "x"', 'b'],
      ['a,b', ''],
      ['', ''],
      ['last'],
    ]);
  });

  it('takes a quote within a plain field as it is', async () => {
    expect(await fields('5" pipe,b')).toEqual([['5" pipe', 'b']]);
  });

  it('reads the same however the text is cut into pieces', async () => {
    const text = '\ufeffa,"b ""c""\r\nd",e\r\n"f",g\r\nh,i';
    const whole = await read(text);
    for (let size = 1; size < text.length; size++)
      expect(await read(text.match(new RegExp(`[^]{1,${size}}`, 'g')) as string[])).toEqual(whole);
  });

  it('reports text after a closing quote and goes on with the next line', async () => {
    expect(await read('"a"b,c\nd\n')).toEqual([
      { line: 1, error: 'There is text after a closing quote.' },
      { line: 2, fields: ['d'] },
    ]);
  });

  it('reports a quote that is never closed, and does not swallow a whole file for it', async () => {
    expect(await read('a\n"b\nc')).toEqual([
      { line: 1, fields: ['a'] },
      { line: 2, error: 'A quote is opened and not closed by line 3: what lies between was not read.' },
    ]);
    const long = await read(`"open\n${'someone@example.com\n'.repeat(1_000)}`);
    expect(long[0]).toMatchObject({ line: 1, error: expect.stringContaining('not closed by line') });
    expect(long.length).toBeGreaterThan(400);
  });
});
