import type { APIRoute } from 'astro';
import { KEPT_FORMULA } from '#domain/keptWord.ts';
import { getKeptReport } from '#services/keptWord.ts';
import { wantedRange } from './_range.ts';

/** The report as data, with the formula that it is counted by. Durations are in milliseconds, times are UTC. */
export const GET: APIRoute = async ({ locals, url }) => {
  const { range: wanted, problems } = wantedRange(url);
  if (problems.length) return Response.json({ problems }, { status: 422 });
  const report = await getKeptReport(locals.ctx, wanted);
  const { from, to } = report.range;
  return Response.json(
    { ...report, formula: KEPT_FORMULA },
    { headers: { 'content-disposition': `attachment; filename="kept-word-${from}-to-${to}.json"` } },
  );
};
