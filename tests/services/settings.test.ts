import { expect, it } from 'vitest';
import { ensurePage } from '#db/page.ts';
import { getSettings, saveSettings, settingsInput } from '#services/settings.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

const INPUT = {
  name: 'Harbour',
  timeZone: 'Europe/Berlin',
  supportUrl: 'https://example.com/help',
  uptimeWeight: 0.5,
  releaseSeconds: 25,
};

eachDatabase('settings', (fresh) => {
  it('change the page at once and only by an owner', async () => {
    const ctx = testContext(await fresh());
    await ctx.db.write((tx) => ensurePage(tx, { publicId: 'page', name: 'Status', now: ctx.now() }));
    const before = await getSettings(ctx);
    await expect(saveSettings(ctx, INPUT)).rejects.toMatchObject({ code: 'forbidden' });
    await saveSettings(ctx.as('owner'), INPUT);
    const after = await getSettings(ctx);
    expect(after).toMatchObject(INPUT);
    expect(after.version).toBe(before.version + 1);
    expect(ctx.changes).toEqual(['page']);
  });
});

it('takes no zone, address or weight that means nothing', () => {
  const problem = (changes: object) =>
    settingsInput.safeParse({ ...INPUT, ...changes }).error?.issues[0]?.message;
  expect(problem({ supportUrl: '', uptimeWeight: '0.3' })).toBeUndefined();
  expect(problem({ supportUrl: 'mailto:help@example.com' })).toBeUndefined();
  expect(problem({ timeZone: 'Mars/Olympus' })).toContain('not known');
  expect(problem({ supportUrl: 'javascript:alert(1)' })).toContain('no web or mail address');
  expect(problem({ uptimeWeight: '2' })).toContain('at most 1');
  for (const uptimeWeight of ['half', '', ' '])
    expect(problem({ uptimeWeight })).toContain('a number from 0 to 1');
  for (const releaseSeconds of ['soon', '', ' ', '-1', '2.5', '601'])
    expect(problem({ releaseSeconds })).toContain('The wait is');
  expect(problem({ releaseSeconds: '0' })).toBeUndefined();
  expect(problem({ name: '' })).toContain('empty');
});
