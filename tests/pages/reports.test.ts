import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCsv } from '#domain/csv.ts';
import { addMs, DAY, MINUTE } from '#domain/time.ts';
import { getSettings, saveSettings } from '#services/settings.ts';
import { makeIncident, makeUpdate } from '../support/factory.ts';
import { type House, openHouse } from './adminHouse.ts';

describe('reports of kept words', () => {
  let house: House;
  /** Declared yesterday. */
  const declaredAt = addMs(new Date().toISOString(), -DAY);
  const at = (minutes: number) => addMs(declaredAt, minutes * MINUTE);

  beforeAll(async () => {
    house = await openHouse(0);
    const row = { declared_at: declaredAt, started_at: declaredAt, status: 'resolved' as const };
    const kept = await makeIncident(house.db, {
      ...row,
      id: 'keptkeptkept',
      title: '=1+1, "quoted"',
      severity: 'SEV2',
      resolved_at: at(70),
    });
    await makeUpdate(house.db, kept.seq, { posted_at: at(4), was_due_at: at(5) });
    await makeUpdate(house.db, kept.seq, { posted_at: at(70), was_due_at: at(64), status: 'resolved' });
    const drill = await makeIncident(house.db, { ...row, title: 'Only a drill', drill: 1 });
    await makeUpdate(house.db, drill.seq, { posted_at: at(50), was_due_at: at(5) });
  });
  afterAll(() => house?.close());

  it('say on the incident what was promised and when it came', async () => {
    const { body } = await house.get('/admin/incidents/keptkeptkept');
    const text = body
      .slice(body.indexOf('id="kept-title"'))
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');
    expect(text).toContain('50% (1 of 2)');
    expect(text).toContain('after 4 minutes (the policy allows 5 minutes)');
    expect(text).toContain('6 minutes late');
    expect(text).toContain('1 hour 6 minutes');
  });

  it('are one page with a drawing and a table of each, drills apart', async () => {
    const { status, body } = await house.get('/admin/reports', 'viewer');
    expect(status).toBe(200);
    expect(body).toContain('50% of updates came on time');
    expect(body).toMatch(/aria-label="Updates on time by month: \w{3} \d{4} 1 of 2\."/);
    // Of the house's own incident no first update was owed.
    expect(body).toContain('aria-label="First updates against the policy. SEV2: 1, of them 0 late');
    expect(body).toContain('&quot;quoted&quot;');
    expect(body).not.toContain('Only a drill');
    expect(body.replace(/\s+/g, ' ')).toContain('Drills: 1 incident, 0 of 1 updates on time');
    expect(body).not.toMatch(/ style=/);
  });

  it('of a range that makes no sense keep what was typed and say why', async () => {
    const { status, body } = await house.get('/admin/reports?from=2026-03-02&to=2026-03-01');
    expect(status).toBe(422);
    expect(body).toContain('The last day is before the first.');
    expect(body).toContain('value="2026-03-02"');
    for (const file of ['kept.csv', 'kept.json'])
      expect((await house.get(`/admin/reports/${file}?from=x&to=y`)).status).toBe(422);
    const long_ago = await house.get('/admin/reports?from=2020-01-01&to=2020-02-01');
    expect(long_ago.body).toContain('Nothing was promised');
  });

  it('can be taken away: CSV in which nothing is a formula, JSON with the formula that it is counted by', async () => {
    const csv = await house.get('/admin/reports/kept.csv');
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(csv.headers['content-disposition']).toMatch(
      /^attachment; filename="kept-word-\d{4}-\d\d-\d\d-to-\d{4}-\d\d-\d\d\.csv"$/,
    );
    const rows: string[][] = [];
    for await (const record of parseCsv([csv.body])) if ('fields' in record) rows.push(record.fields);
    expect(rows.slice(1).map((row) => row.slice(1))).toEqual([
      [`'=1+1, "quoted"`, 'SEV2', declaredAt, 'first', at(5), at(4), 'on_time', '0', '0', '0'],
      [`'=1+1, "quoted"`, 'SEV2', declaredAt, 'next', at(64), at(70), 'late', '6', '0', '0'],
    ]);
    const json = await house.get('/admin/reports/kept.json');
    const report = JSON.parse(json.body);
    expect(report.all).toMatchObject({ incidents: 3, counted: 2, onTime: 1 });
    expect(report.formula).toContain('÷');
  });

  it('are shown to visitors when the owner says so, and not before', async () => {
    const settings = await getSettings(house.as('owner'));
    expect((await house.get('/on-time')).status).toBe(404);
    expect((await house.get('/')).body).not.toContain('Updates on time');
    const form = { name: settings.name, timeZone: 'UTC', uptimeWeight: '0.3', releaseSeconds: '0' };
    const shown = await house.post('/admin/settings', { ...form, showKept: 'yes' }, 'owner');
    expect(shown.status).toBe(303);
    expect((await house.get('/')).body).toMatch(/Updates on time, 90 days: <a href="\/on-time">50%<\/a>/);
    const { status, body, headers } = await house.get('/on-time');
    expect([status, headers['cache-control']]).toEqual([200, expect.stringContaining('s-maxage')]);
    expect(body).toContain('50% of updates on time');
    expect(body).toContain('÷');
    await saveSettings(house.as('owner'), { ...settings, showKept: false });
    await expect.poll(async () => (await house.get('/on-time')).status).toBe(404);
  });
});
