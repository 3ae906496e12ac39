import { expect, it } from 'vitest';
import { goOn, listOutgoing, sendNow, stopSending } from '#services/fanoutControl.ts';
import { listToldAudiences } from '#services/told.ts';
import { eachDatabase } from '../support/databases.ts';
import { stakeholderHouse } from './stakeholderHouse.ts';

eachDatabase('mail to stakeholders on its way', (fresh) => {
  it('waits for its release; stopped, it goes nowhere until it is let go', async () => {
    const { ctx, declare, told } = await stakeholderHouse(fresh);
    const { id } = await declare();
    const [one] = await listOutgoing(ctx, id);
    expect(one).toMatchObject({
      audiences: 'Executives, Managers and Support',
      state: 'waiting',
      got: 0,
      total: 3,
      isPublic: false,
    });
    await stopSending(ctx, one?.noticeId as string);
    expect(await told()).toEqual([]);
    expect(
      (await listToldAudiences(ctx, id)).map(({ name, moments }) => [name, moments[0]?.stopped]),
    ).toEqual([
      ['Executives', true],
      ['Managers', true],
      ['Support', true],
    ]);
    await goOn(ctx, one?.noticeId as string);
    expect(await told()).toEqual(['eva, max, sue: [SEV1, Declared] Checkout is failing']);
    expect(await listOutgoing(ctx, id)).toEqual([]);
  });

  it('a stop of an update stops it for everyone; newer mail takes its place and does not quote it', async () => {
    const { ctx, declare, say, told, last, wire, addresses, expand, rig } = await stakeholderHouse(fresh);
    const { id } = await declare();
    await told();
    await say(id, { notify: true, body: 'Wrong words.' });
    const outgoing = await listOutgoing(ctx, id);
    expect(outgoing.map(({ audiences }) => audiences)).toEqual([
      null,
      'Executives, Managers, Support and Acme',
    ]);
    await stopSending(ctx, outgoing[1]?.noticeId as string);
    expect(await told()).toEqual([]);
    expect(wire.taken.filter(({ to }) => addresses.includes(to))).toEqual([]);
    await say(id, { notify: true, body: 'Right words.' });
    await sendNow(
      ctx,
      (await listOutgoing(ctx, id)).find(({ state }) => state === 'waiting')?.noticeId as string,
    );
    await expand();
    await rig.drain();
    expect(last('eva').text).toContain('Right words.');
    expect(last('ann').text).toContain('Right words.');
    expect(last('eva').text).not.toContain('Wrong words.');
    expect(last('ann').text).not.toContain('Wrong words.');
  });

  it('what two updates say that come before the mail leaves, one mail says', async () => {
    const { declare, say, told, last } = await stakeholderHouse(fresh);
    const { id } = await declare();
    await told();
    await say(id, { audience: 'internal', body: 'Theory: split brain.' });
    await say(id, { notify: true, body: 'Card payments fail for some.' });
    expect(await told()).toEqual([
      'ann: [Investigating] Checkout is failing',
      'eva, max, sue: [SEV1, Investigating] Checkout is failing',
    ]);
    expect(last('max').text).toMatch(/So far\n[\s\S]*Theory: split brain\./);
    expect(last('eva').text).toContain('Theory: split brain.');
    expect(last('ann').text).not.toContain('split brain');
  });

  it('a mended text goes in the place of the wrong one, and a correction to whoever had that', async () => {
    const { ctx, declare, say, told, last, edit } = await stakeholderHouse(fresh);
    const { id } = await declare();
    await say(id, { audience: 'internal', body: 'Theory: the network.' });
    await edit(id, 'Theory: split brain.', { notify: true });
    expect(await told()).toEqual([
      'eva: [SEV1, Declared] Checkout is failing',
      'max, sue: [SEV1, Inside] Checkout is failing',
    ]);
    expect(last('max').text).toContain('Theory: split brain.');
    expect(last('max').text).not.toContain('the network');

    await say(id, { notify: true, body: 'All payments fail.' });
    await told();
    await edit(id, 'Card payments fail.', { notify: true, wrong: 'Bank transfers work' });
    expect(await told()).toEqual([
      'ann: [Correction] Checkout is failing',
      'eva, max, sue: [SEV1, Correction] Checkout is failing',
    ]);
    expect(last('ann').text).toMatch(/was not right\. Bank transfers work\.\s+This\s+is\s+right:/);
    expect(last('ann').text).toContain('Card payments fail.');
    expect(last('ann').text).toContain('Mia Berg');
    expect(
      (await listToldAudiences(ctx, id)).map(({ name, moments }) => [name, moments.map(({ what }) => what)]),
    ).toEqual([
      ['Executives', ['declared', 'update', 'correction']],
      ['Managers', ['declared', 'update', 'update', 'correction']],
      ['Support', ['declared', 'update', 'update', 'correction']],
      ['Acme', ['update', 'correction']],
    ]);
    // Quietly: nobody hears of it.
    await edit(id, 'Card payments fail for some.', { notify: false });
    expect(await told()).toEqual([]);
  });
});
