import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { readConfig } from '#config';
import type { Ctx } from '#db/context.ts';
import { hintsFor } from '#domain/hints.ts';
import { AUDIENCE_IDS } from '#domain/severity.ts';
import { addMs, DAY, MINUTE, msBetween, toInstant } from '#domain/time.ts';
import { listAudiences } from '#services/audiences.ts';
import { listFanouts } from '#services/deliveries.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { getIncident, listIncidents } from '#services/incidents.ts';
import { getStatusPage, MARK_DAYS } from '#services/publicPage.ts';
import { saveSettings } from '#services/settings.ts';
import { countSubscribers } from '#services/subscriberRecords.ts';
import { listTemplates } from '#services/templates.ts';
import { listUsers } from '#services/users.ts';
import { PAGE } from '../../src/cli/demoData.ts';
import { fillDemo } from '../../src/cli/demoFill.ts';
import { PAST_INCIDENTS } from '../../src/cli/demoHistory.ts';
import { layDemo } from '../../src/cli/demoLay.ts';
import { CHECKOUT_FAILURES, LATE_WEBHOOKS } from '../../src/cli/demoNow.ts';
import { openFoghorn } from '../../src/foghorn.ts';
import { scratch } from './support.ts';

const NOW = '2026-11-21T15:06:20.500Z';

/** The demo's installation, with the clock at `now`. */
async function opened(folder: string, now: string): Promise<Ctx> {
  const foghorn = await openFoghorn(readConfig({ DATA_DIR: folder, LOG_LEVEL: 'silent' }));
  onTestFinished(() => foghorn.close());
  return { ...foghorn.contextFor({ kind: 'system', name: 'test' }), now: () => now };
}

it('keeps what is promised of it', async () => {
  const folder = scratch();
  await fillDemo(folder, NOW);
  const ctx = await opened(folder, NOW);
  const page = await getStatusPage(ctx);

  const components = page.groups.flatMap((group) => group.components);
  expect(components.length).toBeGreaterThanOrEqual(40);
  expect(page.groups.every((group) => group.name)).toBe(true);
  const recorded = components.map(({ marks }) => marks.filter((mark) => mark.status !== null).length);
  expect(new Set(recorded)).toEqual(new Set([MARK_DAYS]));
  expect(MARK_DAYS).toBeGreaterThanOrEqual(90);
  const troubled = components.filter(({ marks }) =>
    marks.some((mark) => mark.status && mark.status !== 'operational'),
  );
  expect(troubled.length).toBeGreaterThan(15);

  const { open, over, more } = await listIncidents(ctx, { kind: 'incident', limit: 100 });
  expect(over.length).toBeGreaterThanOrEqual(15);
  expect(more).toBe(false);
  expect(msBetween(over.at(-1)!.startedAt, NOW)).toBeGreaterThan(90 * DAY);
  expect(new Set(over.map(({ severity }) => severity))).toEqual(new Set(['SEV1', 'SEV2', 'SEV3', 'SEV4']));

  expect(page.incidents.map(({ severity }) => severity)).toEqual(['SEV1']);
  expect(open.filter(({ publishedAt }) => publishedAt === null)).toHaveLength(1);
  const worst = open.filter(({ severity }) => severity === 'SEV1');
  expect(worst).toHaveLength(1);
  const left = msBetween(NOW, worst[0]!.nextUpdateDue as string);
  expect(left).toBeGreaterThan(5 * MINUTE);
  expect(left).toBeLessThan(15 * MINUTE);
  const { roles, log, updates } = await getIncident(ctx, worst[0]!.id);
  expect(new Set(roles.map(({ role }) => role)).size).toBe(4);
  expect(log.length).toBeGreaterThan(3);
  expect(new Set(updates.map(({ audience }) => audience))).toEqual(new Set(['public', 'internal']));

  expect(page.maintenance.map(({ status }) => status)).toEqual(['in_progress', 'scheduled']);
  expect(page.maintenance[1]!.scheduledFor! > NOW).toBe(true);

  expect(await countSubscribers(ctx)).toMatchObject({ confirmed: 1_000, pending: 0 });
  const audiences = await listAudiences(ctx);
  expect(audiences.map(({ id }) => id)).toEqual([...AUDIENCE_IDS]);
  expect(audiences.every(({ people }) => people > 0)).toBe(true);
  expect((await listUsers(ctx)).map(({ role }) => role)).toEqual(
    expect.arrayContaining(['owner', 'comms', 'responder', 'viewer']),
  );
  expect((await listTemplates(ctx)).length).toBeGreaterThan(5);
});

it('has sent its mail already, as files', async () => {
  const folder = scratch();
  await fillDemo(folder, NOW);
  const ctx = await opened(folder, NOW);
  const { fanouts } = await listFanouts(ctx, { limit: 100 });
  expect(fanouts.filter(({ kind }) => kind === 'update')).toHaveLength(2);
  expect(fanouts.filter(({ kind }) => kind === 'stakeholder').length).toBeGreaterThan(5);
  // Newer words for an audience take the place of older ones.
  for (const { kind, sent, waiting, total } of fanouts)
    expect([kind === 'update' ? sent : total, waiting]).toEqual([total, 0]);
  expect(await getDeliveryHealth(ctx)).toMatchObject({ waiting: 0 });
  const day = join(folder, 'mail', NOW.slice(0, 10));
  const files = readdirSync(day);
  expect(files).toHaveLength(fanouts.reduce((sum, fanout) => sum + fanout.sent, 0));
  expect(readFileSync(join(day, files[0] as string), 'utf8')).toMatch(/^To: .+\.example/m);
});

it('speaks as a status page should: no jargon, blame, apology, hostnames or relative times', () => {
  const said = [
    ...PAST_INCIDENTS.flatMap(({ updates }) =>
      updates.map((update) => ({ audience: 'public', ...update }) as const),
    ),
    ...[CHECKOUT_FAILURES, LATE_WEBHOOKS].flatMap(({ updates }) => updates),
  ];
  const hints = said.flatMap((update) =>
    hintsFor(update)
      // Read alone, an update may leave to the title who is affected.
      .filter(({ code }) => code !== 'nobody')
      .map(({ code }) => `${code}: ${update.body}`),
  );
  expect(hints).toEqual([]);
});

it('keeps what it has for ten minutes, is filled anew after that or for another address, and keeps what someone is working on', async () => {
  const folder = scratch();
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const age = (minutes: number, used: number) => {
    const past = (ago: number) => addMs(toInstant(Date.now()), -ago * MINUTE);
    const stamp = join(folder, 'demo.json');
    const before = JSON.parse(readFileSync(stamp, 'utf8'));
    writeFileSync(stamp, JSON.stringify({ ...before, filledAt: past(minutes), usedAt: past(used) }));
  };
  const filledAnew = async () => {
    said.length = 0;
    expect(await layDemo(folder, say)).toBe(true);
    return said.includes('Filling the demo ...');
  };
  expect(await filledAnew()).toBe(true);
  expect(existsSync(join(folder, 'foghorn.db'))).toBe(true);
  expect(await filledAnew()).toBe(false);
  age(11, 1);
  expect(await filledAnew()).toBe(true);

  const foghorn = await openFoghorn(readConfig({ DATA_DIR: folder, LOG_LEVEL: 'silent' }));
  expect(await layDemo(folder, say)).toBe(false);
  expect(said.at(-1)).toContain('is running already');
  await saveSettings(foghorn.contextFor({ kind: 'system', name: 'test' }), { ...PAGE, name: 'Quay' });
  await foghorn.close();
  age(11, 1);
  expect(await filledAnew()).toBe(false);
  age(11, 11);
  expect(await filledAnew()).toBe(true);

  vi.stubEnv('SITE_URL', 'http://localhost:4400');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await filledAnew()).toBe(true);
  expect(await filledAnew()).toBe(false);
  const day = join(folder, 'mail', readdirSync(join(folder, 'mail'))[0] as string);
  const mail = readFileSync(join(day, readdirSync(day)[0] as string), 'utf8');
  expect(mail).toContain('localhost:4400/');
  expect(mail).not.toContain('localhost:4321');
});
