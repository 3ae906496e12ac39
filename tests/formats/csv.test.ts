import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseCsv } from '#domain/csv.ts';
import { csvText } from '#formats/csv.ts';

const fieldsOf = async (text: string) => {
  const rows: string[][] = [];
  for await (const record of parseCsv([text])) {
    if ('error' in record) throw new Error(record.error);
    rows.push(record.fields);
  }
  return rows;
};

it('any text comes back as it was, whatever commas, quotes and line breaks are in it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { minLength: 3, maxLength: 3 })),
      async (rows) => {
        // A letter first, so that nothing reads as a formula.
        const named = rows.map((row) => row.map((text) => `x${text}`));
        expect(await fieldsOf(csvText(named))).toEqual(named);
      },
    ),
  );
});

it.each([
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '=HYPERLINK("http://evil.example","x")',
  '\t=1',
  '\r\n=1',
  ' =1',
  '\u200b=1',
  '\u0000=1',
  '＝1',
  '|calc',
  '%0A=1',
])('%j is no formula in a spreadsheet', async (text) => {
  expect(await fieldsOf(csvText([[text, 7, null]]))).toEqual([[`'${text}`, '7', '']]);
});

it('numbers stay numbers, nothing is empty, and lines end as RFC 4180 says', () => {
  expect(
    csvText([
      ['a', -3, null],
      ['b, "c"', 0.5, 'd'],
    ]),
  ).toBe('\uFEFFa,-3,\r\n"b, ""c""",0.5,d\r\n');
});
