import type { APIRoute } from 'astro';
import { keptWordCsv } from '#formats/keptWord.ts';
import { getKeptReport } from '#services/keptWord.ts';
import { wantedRange } from './_range.ts';

/** Each promise of the range and what became of it, for a spreadsheet. */
export const GET: APIRoute = async ({ locals, url }) => {
  const { range: wanted, problems } = wantedRange(url);
  if (problems.length) return Response.json({ problems }, { status: 422 });
  const { incidents, range } = await getKeptReport(locals.ctx, wanted);
  return new Response(keptWordCsv(incidents), {
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="kept-word-${range.from}-to-${range.to}.csv"`,
    },
  });
};
