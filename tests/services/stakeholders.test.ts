import { expect, it } from 'vitest';
import { listTellings } from '#db/tellings.ts';
import { toldText } from '#domain/brief.ts';
import { getBrief } from '#services/brief.ts';
import { listFanoutsOf } from '#services/deliveries.ts';
import { declareAndPublish } from '#services/incidents.ts';
import { eachDatabase } from '../support/databases.ts';
import { restrictTo } from '../support/factory.ts';
import { makeSubscribers } from '../support/people.ts';
import { stakeholderHouse } from './stakeholderHouse.ts';

eachDatabase('stakeholders', (fresh) => {
  it('a time that has passed is no promise: inside it is late, outside nothing is said of it', async () => {
    const { declare, say, told, last, at } = await stakeholderHouse(fresh);
    const { id } = await declare({ severity: 'SEV2' });
    at('14:06');
    await say(id, { notify: true, body: 'Card payments fail.' });
    await told();
    at('15:10');
    await say(id, { audience: 'internal', severity: 'SEV1', body: 'It is worse than we thought.' });
    await told();
    expect(last('max').text).toContain('Next public update is late, was due by 15:06 UTC');
    expect(last('max').text).toContain('Next word inside by 15:25 UTC');
    at('15:30');
    await say(id, { notify: true, body: 'Card payments still fail.' });
    await told();
    expect(last('max').text).toContain('Next public update by 16:00 UTC');
    expect(last('max').text).toContain('Next word inside is late, was due by 15:25 UTC');
  });

  it('whom it no longer concerns hears that it is open again, and is promised nothing but its end', async () => {
    const { declare, say, told, last } = await stakeholderHouse(fresh);
    const { id } = await declare();
    await say(id, { notify: true });
    await say(id, { notify: true, severity: 'SEV2' });
    await say(id, { notify: true, status: 'resolved', reason: 'Checked.' });
    await told();
    await say(id, { notify: true, status: 'investigating', body: 'It fails again.' });
    expect(await told()).toEqual([
      'ann: [Investigating again] Checkout is failing',
      'eva, max, sue: [SEV2, Investigating again] Checkout is failing',
    ]);
    expect(last('eva').text).toContain('It fails again.');
    expect(last('eva').text.replace(/\s+/g, ' ')).toContain(
      'It is open again, as SEV2. You will hear when it is resolved, and nothing before that.',
    );
    expect(last('eva').text).not.toMatch(/Next (public update|word inside)/);
    expect(last('max').text).toContain('Next public update by 15:01 UTC');
    expect(last('max').text).not.toContain('It is open again');
  });

  it('what is open again says so in its subject, after one that said that it was over', async () => {
    const { declare, say, told, house } = await stakeholderHouse(fresh).then((one) => ({
      ...one,
      house: one,
    }));
    const { id } = await declare();
    await say(id, { notify: true });
    await say(id, { notify: true, status: 'resolved', reason: 'Checked.' });
    await told();
    await say(id, { notify: true, status: 'investigating' });
    expect(await told()).toEqual([
      'ann: [Investigating again] Checkout is failing',
      'eva, max, sue: [SEV1, Investigating again] Checkout is failing',
    ]);
    const [subscriber] = house.addresses as [string];
    expect(house.heard(subscriber).at(-1)?.subject).toBe('[Investigating again] Checkout is failing');
  });

  it('a SEV1 from its declaration to its end: who hears what', async () => {
    const { ctx, declare, say, told, last, checkout } = await stakeholderHouse(fresh);
    const { id } = await declare({ summary: 'The payment cluster lost its leader.' });
    expect(await told()).toEqual(['eva, max, sue: [SEV1, Declared] Checkout is failing']);
    expect(last('eva').text).toContain('Visitors have been told nothing yet.');
    expect(last('eva').text).toContain('The payment cluster lost its leader.');
    expect(last('eva').text).toContain('First public update by 14:05 UTC');

    await say(id, { audience: 'internal', body: 'Theory: split brain. Next: promote the replica.' });
    // Executives are not mailed for each theory; it stands in the next mail that they get.
    expect(await told()).toEqual(['max, sue: [SEV1, Inside] Checkout is failing']);
    expect(last('max').text).toContain('First public update by 14:05 UTC');
    expect(last('max').text).toContain('Next word inside by');

    await say(id, { notify: true, body: 'Card payments fail for some.' });
    expect(await told()).toEqual([
      'ann: [Investigating] Checkout is failing',
      'eva, max, sue: [SEV1, Investigating] Checkout is failing',
    ]);
    expect(last('ann').text).toContain('Your components\n  Checkout');
    expect(last('ann').text).toContain('Mia Berg\nAnswer this mail, and it reaches me.');
    expect(last('ann').text).not.toMatch(/SEV1|Theory|leader/);
    expect(last('eva').text).toContain('Theory: split brain');
    expect(last('eva').text).not.toContain('Next word inside');

    await say(id, {
      status: 'resolved',
      reason: 'done',
      notify: true,
      body: 'Payments work again.',
      components: [{ id: checkout.id, status: 'operational' }],
    });
    expect(await told()).toEqual([
      'ann: [Resolved] Checkout is failing',
      'eva, max, sue: [SEV1, Resolved] Checkout is failing',
    ]);
    expect(new Set((await listFanoutsOf(ctx, id)).map(({ audience }) => audience))).toEqual(
      new Set(['Executives', 'Managers', 'Support', 'Acme', null]),
    );
    const { brief } = await getBrief(ctx, id);
    expect(toldText(brief, ctx.now(), 'UTC')).toEqual([
      'Subscribers: 2 messages, the latest reached 1 of 1',
      'Executives, Managers, Support, Acme: last told at 14:00 UTC',
    ]);
  });

  it('inside they hear of what is declared and published as one, though nobody is mailed about its first words', async () => {
    const { ctx, checkout, told, last } = await stakeholderHouse(fresh);
    await declareAndPublish(ctx, {
      title: 'Checkout is failing',
      severity: 'SEV1',
      components: [{ id: checkout.id, status: 'major_outage' }],
      status: 'investigating',
      body: 'Card payments fail.',
      notify: false,
    });
    expect(await told()).toEqual(['eva, max, sue: [SEV1, Declared] Checkout is failing']);
    expect(last('eva').text).toContain('Declared as SEV1. It stands on the page; no subscriber was mailed.');
    expect(last('eva').text).toContain('Card payments fail.');
  });

  it('what audiences were told keeps no subscriber waiting', async () => {
    const { db, declare, say, told, heard } = await stakeholderHouse(fresh, { people: 0 });
    const [subscriber] = await makeSubscribers(db, 1, [], { mode: 'policy' });
    const { id } = await declare();
    await told();
    await say(id, { notify: true, body: 'Card payments fail for some.' });
    await told();
    expect(heard(subscriber as string).map(({ text }) => text)).toEqual([
      expect.stringContaining('Card payments fail for some.'),
    ]);
  });

  it('raising the severity tells those whom it concerns now, with all that was said', async () => {
    const { declare, say, told, last } = await stakeholderHouse(fresh);
    const { id } = await declare({ severity: 'SEV3' });
    expect(await told()).toEqual(['sue: [SEV3, Declared] Checkout is failing']);
    await say(id, { notify: true, body: 'Some payments are slow.', affected: 'one in ten' });
    expect(await told()).toEqual(['sue: [SEV3, Investigating] Checkout is failing']);
    await say(id, {
      audience: 'internal',
      severity: 'SEV1',
      body: 'It is everyone. Bridge: meet.example/77',
    });
    expect(await told()).toEqual([
      'ann: [Investigating] Checkout is failing',
      'eva, max: [SEV1, raised] Checkout is failing',
      'sue: [SEV1, Inside] Checkout is failing',
    ]);
    const { text } = last('eva');
    expect(text).toContain('Raised from SEV3 to SEV1. It concerns you from now on');
    expect(text).toContain('Since 14:00 UTC');
    expect(text).toContain('Bridge: meet.example/77');
    expect(text).toMatch(/So far\n[\s\S]*Some payments are slow\./);
    expect(text).toContain('Next public update by');
    expect(last('sue').text).toContain('Raised from SEV3 to SEV1.');
    expect(last('ann').text).toContain('Some payments are slow.');
    expect(last('ann').text).not.toMatch(/SEV|Bridge|everyone/);
  });

  it('lowering it tells those who drop out what comes next, and then how it ends', async () => {
    const { declare, say, told, last } = await stakeholderHouse(fresh);
    const { id } = await declare();
    await say(id, { notify: true });
    await told();
    await say(id, { notify: true, severity: 'SEV3', body: 'Only card payments are slow now.' });
    expect(await told()).toEqual([
      'ann: [Investigating] Checkout is failing',
      'eva, max: [SEV3, lowered] Checkout is failing',
      'sue: [SEV3, Investigating] Checkout is failing',
    ]);
    expect(last('eva').text).toMatch(/You will hear when it is resolved, and\s+nothing before that\./);
    expect(last('eva').text).not.toContain('Next public update by');
    expect(last('ann').text).toContain('less severe than it was');
    await say(id, { notify: true, body: 'Still slow.' });
    expect(await told()).toEqual(['sue: [SEV3, Investigating] Checkout is failing']);
    // Even where subscribers are not told: it was promised.
    await say(id, { status: 'resolved', body: 'Fast again.' });
    expect(await told()).toEqual([
      'ann: [Resolved] Checkout is failing',
      'eva, max, sue: [SEV3, Resolved] Checkout is failing',
    ]);
    await say(id, { status: 'investigating', notify: true, severity: 'SEV1', body: 'It is back.' });
    expect(await told()).toEqual([
      'ann: [Investigating again] Checkout is failing',
      'eva, max, sue: [SEV1, Investigating again] Checkout is failing',
    ]);
  });

  it('lowered by a quiet post: whoever was promised the next word and drops out is told that it does not come, once', async () => {
    const { declare, say, told, last } = await stakeholderHouse(fresh);
    const { id } = await declare();
    await say(id, { notify: true, body: 'Card payments fail.' });
    await told();
    expect(last('ann').text).toContain('Next update by');
    await say(id, { severity: 'SEV3', body: 'Only some are slow now.' });
    expect(await told()).toEqual([
      'ann: [Investigating] Checkout is failing',
      'eva, max: [SEV3, lowered] Checkout is failing',
      'sue: [SEV3, Investigating] Checkout is failing',
    ]);
    expect(last('ann').text).toMatch(
      /less severe than it was\. You will hear when it is resolved, and\s+nothing before that\./,
    );
    expect(last('ann').text).not.toContain('Next update by');
    await say(id, { notify: true, body: 'Still slow.' });
    expect(await told()).toEqual(['sue: [SEV3, Investigating] Checkout is failing']);
    // What nobody outside heard rise, nobody outside is told falls.
    await say(id, { severity: 'SEV1', body: 'Everything fails.' });
    await say(id, { severity: 'SEV3', body: 'It was a false alarm.' });
    expect((await told()).join()).not.toContain('ann');
    await say(id, { severity: 'SEV1', notify: true, body: 'It does fail.' });
    expect((await told()).join()).toContain('ann');
    await say(id, { severity: 'SEV4', body: 'It only looks wrong.' });
    expect((await told()).join()).toContain('ann');
    await say(id, { status: 'resolved', notify: true, body: 'It works.' });
    expect((await told()).join()).toContain('ann');
  });

  it('somebody in two audiences gets one mail, the one that says most', async () => {
    const { add, declare, say, told, ctx, db, acme } = await stakeholderHouse(fresh);
    await add('managers', 'eva');
    await add('support', 'eva');
    await add(acme, 'sue');
    const { id, seq } = await declare({ severity: 'SEV2' });
    expect(await told()).toEqual(['eva, max, sue: [SEV2, Declared] Checkout is failing']);
    await say(id, { notify: true, severity: 'SEV1' });
    expect(await told()).toEqual([
      'ann: [Investigating] Checkout is failing',
      'eva, max, sue: [SEV1, Investigating] Checkout is failing',
    ]);
    const tellings = await db.read((tx) => listTellings(tx, seq));
    expect(tellings.map(({ name, what, people }) => `${name} ${what} ${people}`)).toEqual([
      'Managers declared 2',
      'Support declared 1',
      'Managers update 2',
      'Support update 1',
      'Executives raised 0',
      'Acme update 1',
    ]);
    expect(ctx.changes).toContain('outbox');
  });

  it('an account hears only of its own, also when that breaks later; a quiet post is quiet to all', async () => {
    const { declare, say, told, last, cart } = await stakeholderHouse(fresh);
    const { id } = await declare({ severity: 'SEV2' });
    await say(id, { notify: true, body: 'The first word.' });
    await told();
    await say(id, { body: 'A quiet word.', components: [{ id: cart.id, status: 'partial_outage' }] });
    expect(await told()).toEqual([]);
    await say(id, { notify: true, body: 'The loud word.' });
    expect(await told()).toEqual([
      'ann, gus: [Investigating] Checkout is failing',
      'max, sue: [SEV2, Investigating] Checkout is failing',
    ]);
    expect(last('gus').text).toContain('The first word.');
    expect(last('gus').text).toContain('Jonas Ek\nAnswer');
    expect(last('gus').text).toContain('Your components\n  Cart');
    expect(last('gus').text).not.toContain('Checkout  ');
  });

  it('what is restricted or a drill is told to nobody', async () => {
    const { ctx, db, declare, say, told } = await stakeholderHouse(fresh);
    for (const column of ['restricted', 'drill'] as const) {
      const { id, seq } = await declare();
      await told();
      if (column === 'restricted') await restrictTo(db, id, ctx.actor as { id: string; role: string });
      else
        await db.write((tx) =>
          tx.updateTable('incidents').set({ drill: 1 }).where('seq', '=', seq).execute(),
        );
      await say(id, { audience: 'internal', body: 'Hush.' });
      if (column === 'restricted')
        await expect(say(id, { notify: true, body: 'Hush.' })).rejects.toMatchObject({ code: 'conflict' });
      else await say(id, { notify: true, body: 'Hush.' });
      expect(await told()).toEqual([]);
    }
  });

  it('each audience gets its own first line and the facts that it asked for', async () => {
    const { change, declare, say, told, last } = await stakeholderHouse(fresh);
    await change('executives', {
      intro: '{{severity}}: {{components}} since {{started}}.',
      facts: ['affected'],
    });
    await change('support', { kind: 'outside', severities: ['SEV1'] });
    const { id } = await declare({ summary: 'Hush hush.' });
    expect(await told()).toEqual(['eva, max: [SEV1, Declared] Checkout is failing']);
    expect(last('eva').text).toContain('SEV1: Checkout since 14:00 UTC.');
    expect(last('eva').text).not.toContain('Hush hush.');
    expect(last('max').text).toContain('Hush hush.');
    await say(id, { audience: 'internal', body: 'Hush again.' });
    expect(await told()).toEqual(['max: [SEV1, Inside] Checkout is failing']);
    await say(id, { notify: true, affected: 'all of you' });
    expect(await told()).toEqual([
      'ann, sue: [Investigating] Checkout is failing',
      'eva, max: [SEV1, Investigating] Checkout is failing',
    ]);
    expect(last('eva').text).toMatch(/Who is affected\n {2}all of you/);
    expect(last('sue').text).not.toMatch(/Hush|SEV1/);
    await expect(change('support', { kind: 'outside', intro: '{{severity}}' })).rejects.toMatchObject({
      problems: [{ field: 'intro' }],
    });
    await expect(change('accounts', { kind: 'inside' })).rejects.toMatchObject({
      problems: [{ field: 'kind' }],
    });
  });
});
