import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { briefText } from '#domain/brief.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { createBriefLink, endLink, getBrief, readSharedBrief } from '#services/brief.ts';
import { eachDatabase } from '../support/databases.ts';
import { restrictTo } from '../support/factory.ts';
import { incidentHouse } from './incidentHouse.ts';
import { type Name, sealedHouse } from './sealedHouse.ts';

const SECRET = 'The vendor is Contoso, bridge at https://meet.example/1';

/** A SEV1, one public update, one internal. */
async function story(fresh: () => Promise<Db>) {
  const house = await incidentHouse(fresh);
  const { ctx, declare, say } = house;
  const { id } = await declare({ scope: 'Europe' });
  ctx.clock.advance(4 * MINUTE);
  await say(id, {
    body: 'Card payments **fail**.',
    affected: 'One customer in three',
    workaround: 'Pay by transfer.',
  });
  ctx.clock.advance(10 * MINUTE);
  await say(id, { audience: 'internal', body: SECRET });
  ctx.clock.advance(MINUTE);
  const link = (tokenHash: string, changes: { hours?: number; shows?: 'public' | 'inside' } = {}) =>
    createBriefLink(ctx, { incidentId: id, tokenHash, hours: 1, shows: 'public', ...changes });
  const visitor = { ...ctx, actor: { kind: 'visitor' as const } };
  return { ...house, id, link, visitor };
}

eachDatabase('the one-minute brief', (fresh) => {
  it('says what is broken, for whom, since when, what was said and promised, who was told, what is open', async () => {
    const { ctx, id } = await story(fresh);
    const { brief, shareable } = await getBrief(ctx, id);
    expect(shareable).toEqual({ public: true, inside: true });
    expect(briefText(brief, ctx.now(), 'UTC').split('\n')).toEqual([
      'Checkout is failing',
      'SEV1, investigating, critical',
      'As of 14:15 UTC',
      '',
      'Broken:',
      '- Checkout: major outage',
      '',
      'For whom:',
      '- One customer in three',
      '- Where: Europe',
      '- What still works: Pay by transfer.',
      '',
      'Since:',
      '- 14:00 UTC, for 15 minutes',
      '',
      'Said last:',
      '- 14:04 UTC, investigating: Card payments fail.',
      '',
      'Promised:',
      '- The next update by 14:34 UTC',
      '',
      'Told:',
      '- No subscriber was told by message',
      '',
      'Inside:',
      `- 14:14 UTC, comms person: ${SECRET}`,
      '',
      'Open:',
      '- The next public update is due by 14:34 UTC',
      '- The next internal update is due by 14:29 UTC',
      '- Nobody is incident commander',
      '- Nobody is comms lead',
      '- Nobody is technical lead',
    ]);
  });

  it('a link shows what its maker chose, as it is at the time, and nothing of what is inside unless they did', async () => {
    const { link, visitor, say, id, ctx } = await story(fresh);
    await link('public');
    await link('inside', { shows: 'inside' });
    const { brief } = await readSharedBrief(visitor, 'public');
    expect(brief.inside).toBeNull();
    const shown = JSON.stringify(brief) + briefText(brief, ctx.now(), 'UTC');
    for (const inside of ['Contoso', 'SEV1', 'Nobody is', 'comms person'])
      expect(shown).not.toContain(inside);
    expect(JSON.stringify((await readSharedBrief(visitor, 'inside')).brief)).toContain('Contoso');
    await say(id, { body: 'It is getting better.' });
    expect((await readSharedBrief(visitor, 'public')).brief.said[0]?.body).toBe('It is getting better.');
  });

  it('a link ends when its time has passed, when someone ends it, and was never there under another token', async () => {
    const { ctx, id, link, visitor, audit } = await story(fresh);
    await link('hour');
    await link('day', { hours: 24 });
    const gone = { code: 'gone' };
    await expect(readSharedBrief(visitor, 'guess')).rejects.toMatchObject(gone);
    ctx.clock.advance(HOUR - 1);
    await readSharedBrief(visitor, 'hour');
    ctx.clock.advance(1);
    await expect(readSharedBrief(visitor, 'hour')).rejects.toMatchObject(gone);
    const { links } = await getBrief(ctx, id);
    expect(links.map(({ inside, createdBy }) => [inside, createdBy])).toEqual([[false, 'comms person']]);
    const end = { incidentId: id, seq: links[0]?.seq as number };
    await expect(endLink(ctx.as('responder'), end)).rejects.toMatchObject({ code: 'forbidden' });
    await readSharedBrief(visitor, 'day');
    await endLink(ctx, end);
    await endLink(ctx, end);
    await expect(readSharedBrief(visitor, 'day')).rejects.toMatchObject(gone);
    expect((await audit()).filter((action) => action.startsWith('brief.'))).toEqual([
      'brief.link',
      'brief.link',
      'brief.endLink',
    ]);
  });

  it('what is restricted no link shows, nor one that was made before', async () => {
    const { ctx, db, id, link, visitor } = await story(fresh);
    await link('before', { shows: 'inside' });
    await restrictTo(db, id, ctx.actor as { id: string; role: string });
    expect((await getBrief(ctx, id)).shareable).toEqual({ public: false, inside: false });
    await expect(getBrief(ctx.as('owner'), id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(link('after', { shows: 'inside' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(readSharedBrief(visitor, 'before')).rejects.toMatchObject({ code: 'gone' });
  });

  it('of what is restricted says to its viewers what was said inside, and once it is published to them alone', async () => {
    const { as, seal, write, ctx } = await sealedHouse(fresh as () => Promise<Db>);
    const { id } = await seal();
    ctx.clock.advance(MINUTE);
    await write('sela', id, { audience: 'internal', body: 'The key was in a log.' });
    const read = async (name: Name) => briefText((await getBrief(as(name), id)).brief, ctx.now(), 'UTC');
    expect(await read('sela')).toContain('The key was in a log.');
    ctx.clock.advance(MINUTE);
    await write('noor', id, { body: 'We changed a key.' });
    ctx.clock.advance(MINUTE);
    expect(await read('sela')).toContain('The key was in a log.');
    expect(await read('kim')).toContain('We changed a key.');
    expect(await read('kim')).not.toContain('The key was in a log.');
    const link = { incidentId: id, hours: 1, shows: 'inside' as const, tokenHash: 'sealed' };
    await createBriefLink(as('noor'), link);
    const { brief, now } = await readSharedBrief({ ...ctx, actor: { kind: 'visitor' } }, 'sealed');
    expect(briefText(brief, now, 'UTC')).not.toContain('The key was in a log.');
  });

  it('of what the public knows nothing there is no public link, and of a drill there is none at all', async () => {
    const { ctx, db, declare, visitor } = await story(fresh);
    const { id } = await declare({ title: 'Quiet trouble' });
    const input = { incidentId: id, hours: 1, tokenHash: 'quiet' };
    await expect(createBriefLink(ctx, { ...input, shows: 'public' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await createBriefLink(ctx, { ...input, shows: 'inside' });
    const shared = await readSharedBrief(visitor, 'quiet');
    expect(briefText(shared.brief, shared.now, 'UTC')).toContain('Nothing has been said in public.');
    await db.write((tx) => tx.updateTable('incidents').set({ drill: 1 }).where('id', '=', id).execute());
    await expect(createBriefLink(ctx, { ...input, tokenHash: 'x', shows: 'inside' })).rejects.toMatchObject({
      code: 'conflict',
    });
    const { brief } = await getBrief(ctx, id);
    expect(briefText(brief, ctx.now(), 'UTC')).toMatch(/^DRILL: Quiet trouble\n/);
  });
});
