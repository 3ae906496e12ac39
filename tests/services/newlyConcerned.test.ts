import { expect, it } from 'vitest';
import type { Db, Tx } from '#db/open.ts';
import { getPageVersion } from '#db/page.ts';
import { addMs } from '#domain/time.ts';
import { createAccount } from '#services/accounts.ts';
import { sendDigests } from '#services/digests.ts';
import { goOn, listOutgoing, stopSending } from '#services/fanoutControl.ts';
import { correctComponents, getIncident, previewCorrection } from '#services/incidents.ts';
import { listToldAudiences } from '#services/told.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { stakeholderHouse } from './stakeholderHouse.ts';

/** One more of each kind follows Checkout, Cart, or both; of the accounts, Acme uses Checkout and Globex Cart. */
async function wrongComponent(fresh: () => Promise<Db>) {
  const house = await stakeholderHouse(fresh);
  const { ctx, db, checkout, cart, shop } = house;
  const follower = async (scopes: Parameters<typeof makeSubscribers>[2], mode = 'everything' as const) =>
    (await makeSubscribers(db, 1, scopes, { mode }))[0] as string;
  const component = (id: string) => ({ kind: 'component' as const, id });
  const correct = async (
    id: string,
    ...components: { id: string; status: 'operational' | 'major_outage' }[]
  ) => correctComponents(ctx, { incidentId: id, version: (await getIncident(ctx, id)).version, components });
  const itIsTheCart = (id: string) =>
    correct(id, { id: checkout.id, status: 'operational' }, { id: cart.id, status: 'major_outage' });
  /** What each of these was mailed in all, by subject and, in brackets, the first line of news. */
  const subjects = (who: string) => house.heard(who).map(({ subject }) => subject);
  return { ...house, follower, component, correct, itIsTheCart, subjects, shop };
}

const readClaims = (tx: Tx) => tx.selectFrom('claims').selectAll().orderBy('seq').execute();
const readFanouts = (tx: Tx) => tx.selectFrom('fanouts').selectAll().orderBy('seq').execute();

const T = '[Investigating] Checkout is failing';
const N = '[Not affected] Checkout is failing';

eachDatabase('whom an incident turned out to concern', (fresh) => {
  it('is told the latest word at once, when they had heard nothing; who has heard hears nothing twice', async () => {
    const house = await wrongComponent(fresh);
    const { ctx, db, checkout, cart, shop, follower, component, itIsTheCart, subjects, told, heard } = house;
    const ofCheckout = await follower([component(checkout.id)]);
    const ofCart = await follower([component(cart.id)]);
    const ofBoth = await follower([component(checkout.id), component(cart.id)]);
    const ofShop = await follower([{ kind: 'group', id: shop.id }]);
    const important = (
      await makeSubscribers(db, 1, [component(cart.id)], { mode: 'important' })
    )[0] as string;
    const byPolicy = (await makeSubscribers(db, 1, [component(cart.id)], { mode: 'policy' }))[0] as string;
    const daily = (await makeSubscribers(db, 1, [component(cart.id)], { mode: 'digest' }))[0] as string;
    const { id } = await house.declare();
    await house.say(id, { notify: true, body: 'It begins.' });
    await told();
    ctx.clock.advance(11 * 60_000);
    await house.say(id, { notify: true, body: 'Still looking.' });
    await told();
    expect([subjects(ofCart), subjects(ofCheckout), subjects(ofBoth)]).toEqual([[], [T, T], [T, T]]);
    // Whoever follows the whole page from now on is not told of the past for it.
    const late = (await makeSubscribers(db, 1, [], { mode: 'everything' }))[0] as string;

    ctx.clock.advance(60_000);
    // Asked beforehand: the same figure, and nothing of it stays.
    const stood = await db.read((tx) => Promise.all([readClaims(tx), readFanouts(tx), getPageVersion(tx)]));
    const { version } = await getIncident(ctx, id);
    const itWasTheCart = [
      { id: checkout.id, status: 'operational' },
      { id: cart.id, status: 'major_outage' },
    ] as const;
    expect(await previewCorrection(ctx, { incidentId: id, version, components: itWasTheCart })).toBe(6);
    expect(await db.read((tx) => Promise.all([readClaims(tx), readFanouts(tx), getPageVersion(tx)]))).toEqual(
      stood,
    );
    expect((await getIncident(ctx, id)).version).toBe(version);
    await told();
    expect(subjects(ofCart)).toEqual([]);
    // Four to whom it is new, and an account and a subscriber to whom it is said that it is not theirs.
    expect(await itIsTheCart(id)).toBe(6);
    await told();
    for (const one of [ofCart, important, byPolicy]) expect(subjects(one)).toEqual([T]);
    // The latest word, as it stands with the components that are right by now; what was said before it is quoted.
    expect(heard(ofCart)[0]?.text).toMatch(/Still looking\.[\s\S]*Earlier[\s\S]*It begins\./);
    expect(heard(ofCart)[0]?.text).toContain('Cart');
    for (const one of [ofBoth, ofShop]) expect(subjects(one)).toEqual([T, T]);
    expect(subjects(ofCheckout)).toEqual([T, T, N]);
    expect([subjects(late), subjects(daily)]).toEqual([[], []]);

    // Again, and nothing more: nobody hears twice.
    await house.correct(id, { id: checkout.id, status: 'major_outage' });
    await house.correct(id, { id: checkout.id, status: 'operational' });
    await told();
    for (const one of [ofBoth, ofShop]) expect(subjects(one)).toEqual([T, T]);
    expect([subjects(ofCheckout), subjects(ofCart), subjects(late)]).toEqual([[T, T, N], [T], []]);

    // The daily one finds it in the digest.
    ctx.clock.set('2026-11-21T09:30:00.000Z');
    await sendDigests(ctx);
    await told();
    expect(subjects(daily)).toHaveLength(1);
    expect(heard(daily)[0]?.text).toContain('Still looking.');
    expect(subjects(late)).toEqual([]);

    // From here on they are told as everyone is, and how it ends.
    await house.say(id, { status: 'resolved', reason: 'Checked.', notify: true });
    await told();
    for (const one of [ofCart, important, byPolicy, late])
      expect(subjects(one).at(-1)).toBe('[Resolved] Checkout is failing');
  });

  it('is no more whoever follows alone what it did not touch: they are told that, once, and again when it is theirs after all', async () => {
    const house = await wrongComponent(fresh);
    const { ctx, db, checkout, cart, shop, follower, component, itIsTheCart, subjects, told, heard } = house;
    const ofCheckout = await follower([component(checkout.id)]);
    const others = [
      await follower([component(checkout.id), component(cart.id)]),
      await follower([{ kind: 'group', id: shop.id }]),
      await follower([]),
    ];
    const untold = (await makeSubscribers(db, 1, [component(checkout.id)], { mode: 'digest' }))[0] as string;
    const { id } = await house.declare();
    await house.say(id, { notify: true, body: 'It begins.' });
    await told();
    expect(heard(ofCheckout)[0]?.text).toContain('Next update by');
    const mine = () => subjects(ofCheckout);

    // Put right within the release window: nothing at all.
    await itIsTheCart(id);
    await house.correct(id, { id: checkout.id, status: 'major_outage' });
    await told();
    expect(mine()).toEqual([T]);

    ctx.clock.advance(60_000);
    const { version } = await getIncident(ctx, id);
    const wrong = [{ id: checkout.id, status: 'operational' as const }];
    // She and the account.
    expect(await previewCorrection(ctx, { incidentId: id, version, components: wrong })).toBe(2);
    await house.correct(id, ...wrong);
    expect((await listOutgoing(ctx, id)).filter(({ subject }) => subject === N)).toMatchObject([
      { state: 'waiting', total: 1, audiences: null, updateId: '' },
      { audiences: 'Acme' },
    ]);
    await told();
    expect(mine()).toEqual([T, N]);
    const mail = heard(ofCheckout).at(-1);
    expect(mail?.text.replace(/\s+/g, ' ')).toContain(
      'Not affected after all: Checkout. You will hear when it is resolved, and nothing before that.',
    );
    expect(mail?.text).not.toMatch(/It begins|Next update|Cart/);
    expect(mail?.text).toContain('Unsubscribe');

    // Nothing else until it is theirs.
    await house.correct(id, { id: cart.id, status: 'major_outage' });
    ctx.clock.advance(60_000);
    await house.say(id, { notify: true, body: 'It is the cart.' });
    await told();
    expect(mine()).toEqual([T, N]);
    await house.correct(id, { id: checkout.id, status: 'major_outage' });
    await told();
    expect(mine()).toEqual([T, N, T]);
    expect(heard(ofCheckout).at(-1)?.text).toContain('It is the cart.');
    await house.correct(id, ...wrong);
    await told();
    expect(mine()).toEqual([T, N, T, N]);
    ctx.clock.advance(60_000);
    await house.say(id, { status: 'resolved', reason: 'Checked.', notify: true });
    await told();
    expect(mine()).toEqual([T, N, T, N, '[Resolved] Checkout is failing']);
    for (const one of [...others, untold]) expect(subjects(one)).not.toContain(N);
  });

  it('gets what waits to leave, or is stopped, with the others; it names the components that are right', async () => {
    const { ctx, checkout, cart, follower, component, itIsTheCart, subjects, told, heard, declare, say } =
      await wrongComponent(fresh);
    const ofCart = await follower([component(cart.id)]);
    const ofCheckout = await follower([component(checkout.id)]);
    const { id } = await declare();
    await say(id, { notify: true, components: [{ id: checkout.id, status: 'major_outage' }] });
    const [mail] = await listOutgoing(ctx, id);
    await stopSending(ctx, mail?.noticeId as string);
    await itIsTheCart(id);
    await told();
    expect([subjects(ofCart), subjects(ofCheckout)]).toEqual([[], []]);
    await goOn(ctx, mail?.noticeId as string);
    await told();
    expect([subjects(ofCart), subjects(ofCheckout)]).toEqual([[T], []]);
    expect(heard(ofCart)[0]?.text).toContain('Cart');
    expect(heard(ofCart)[0]?.text).not.toMatch(/^ *Checkout +[-–—:]/m);
  });

  it('is called, where it is a webhook; told nothing of what is quiet, over, inside or a drill', async () => {
    const { ctx, db, cart, component, itIsTheCart, told, declare, say, follower, subjects } =
      await wrongComponent(fresh);
    const ofCart = await follower([component(cart.id)]);
    const called = await follower([component(cart.id)]);
    const { seq: hook } = await db.write((tx) =>
      tx
        .updateTable('recipients')
        .set({ channel: 'webhook', address: 'https://hook.example.com/x' })
        .where('address', '=', called)
        .returning('seq')
        .executeTakeFirstOrThrow(),
    );
    const calls = () =>
      db.read((tx) =>
        tx
          .selectFrom('deliveries as d')
          .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
          .select(['d.lane', 'n.payload'])
          .where('d.recipient_seq', '=', hook)
          .execute(),
      );
    const quiet = await declare();
    await say(quiet.id, { notify: false });
    expect(await itIsTheCart(quiet.id)).toBe(0);
    const inside = await declare();
    expect(await itIsTheCart(inside.id)).toBe(0);
    const over = await declare();
    await say(over.id, { notify: true });
    ctx.clock.advance(60_000);
    await say(over.id, { status: 'resolved', reason: 'Checked.', notify: true });
    await told();
    expect(await itIsTheCart(over.id)).toBe(0);
    await told();
    expect([subjects(ofCart), await calls()]).toEqual([[], []]);

    const { id } = await declare();
    await say(id, { notify: true });
    await told();
    await itIsTheCart(id);
    await told();
    expect(subjects(ofCart)).toEqual([T]);
    expect((await calls()).map(({ lane }) => lane)).toEqual(['hook']);
    expect((await calls())[0]?.payload).toContain('Cart');
    expect(ctx.changes).toContain('outbox');
  });
});

eachDatabase('accounts of a component that is corrected', (fresh) => {
  it('are not told of what waits and turned out not to be theirs; whose it is is told at once', async () => {
    const { ctx, checkout, itIsTheCart, told, declare, say, last, change } = await wrongComponent(fresh);
    await change('accounts', { facts: ['components', 'before'] });
    const { id } = await declare();
    await told();
    await say(id, {
      notify: true,
      body: 'It begins.',
      components: [{ id: checkout.id, status: 'major_outage' }],
    });
    // Still in its release window.
    await itIsTheCart(id);
    expect(await told()).toEqual([
      'eva, max, sue: [SEV1, Investigating] Checkout is failing',
      'gus: [Investigating] Checkout is failing',
    ]);
    expect(last('gus').text).toContain('It begins.');
    const names = async () => (await listToldAudiences(ctx, id)).map(({ name }) => name);
    expect(await names()).toEqual(['Executives', 'Managers', 'Support', 'Globex']);
    // Acme was told nothing, so it is not told how it ends.
    await say(id, { status: 'resolved', reason: 'Checked.', notify: true });
    expect(await told()).toEqual([
      'eva, max, sue: [SEV1, Resolved] Checkout is failing',
      'gus: [Resolved] Checkout is failing',
    ]);
  });

  it('that have heard hear how it ends; those that share a text are told apart when only one of them is affected', async () => {
    const { ctx, checkout, cart, add, itIsTheCart, told, declare, say } = await wrongComponent(fresh);
    const both = await createAccount(ctx, {
      name: 'Both',
      contactId: 'mia',
      components: [checkout.id, cart.id],
    });
    await add(both, 'bob');
    const { id } = await declare();
    await told();
    await say(id, { notify: true, components: [{ id: checkout.id, status: 'major_outage' }] });
    const outgoing = await listOutgoing(ctx, id);
    // Both read one text, which names the one component that both use.
    expect(outgoing).toHaveLength(2);
    const stopped = outgoing.find(({ audiences }) => audiences !== null);
    await stopSending(ctx, stopped?.noticeId as string);
    await itIsTheCart(id);
    await goOn(ctx, stopped?.noticeId as string);
    const mails = (await told()).join('\n');
    expect(mails).toMatch(/\bbob\b/);
    expect(mails).not.toMatch(/\bann\b/);

    const second = await declare();
    await told();
    await say(second.id, { notify: true });
    expect((await told()).join('\n')).toMatch(/\bann\b/);
    await itIsTheCart(second.id);
    expect(await told()).toEqual([
      'ann: [Not affected] Checkout is failing',
      'gus: [Investigating] Checkout is failing',
    ]);
    await say(second.id, { status: 'resolved', reason: 'Checked.', notify: true });
    expect((await told()).join('\n')).toMatch(/ann.*bob.*gus: \[Resolved\]/);
  });

  it('that were told and are not affected hear so once, and again when they are after all; not what came to nothing in between', async () => {
    const { ctx, checkout, cart, correct, itIsTheCart, told, declare, say, last } =
      await wrongComponent(fresh);
    const { id } = await declare();
    await told();
    await say(id, { notify: true, body: 'It begins.', nextUpdateBy: addMs(ctx.now(), 30 * 60_000) });
    expect((await told()).join()).toContain('ann');
    expect(last('ann').text).toContain('Next update by');

    const { version } = await getIncident(ctx, id);
    const components = [{ id: checkout.id, status: 'operational' }] as const;
    expect(await previewCorrection(ctx, { incidentId: id, version, components: [...components] })).toBe(1);
    await correct(id, ...components);
    expect(await told()).toEqual(['ann: [Not affected] Checkout is failing']);
    const words = last('ann').text.replace(/\s+/g, ' ');
    expect(words).toContain(
      'None of the components that you use is affected, after all. You will hear when it is resolved, and nothing before that. Follow it',
    );
    for (const words of ['Next update by', 'It begins.', 'that this is about'])
      expect(last('ann').text).not.toContain(words);
    expect((await listToldAudiences(ctx, id)).find(({ name }) => name === 'Acme')?.moments.at(-1)?.what).toBe(
      'spared',
    );
    // It is no matter of theirs: neither what is said next, nor another correction beside them.
    await say(id, { notify: true, body: 'Still looking.' });
    await itIsTheCart(id);
    expect((await told()).join()).not.toContain('ann');

    await correct(id, { id: checkout.id, status: 'major_outage' });
    await correct(id, { id: checkout.id, status: 'operational' });
    expect((await told()).join()).not.toContain('ann');
    await correct(id, { id: checkout.id, status: 'major_outage' });
    expect((await told()).join()).toContain('ann: [Affected] Checkout is failing');
    expect(last('ann').text).toMatch(/It is, after all[\s\S]*Still looking\.[\s\S]*It begins\./);
    await correct(id, { id: checkout.id, status: 'operational' });
    await correct(id, { id: checkout.id, status: 'major_outage' });
    expect((await told()).join()).not.toContain('ann');
    await say(id, { notify: true, body: 'Nearly there.' });
    expect((await told()).join()).toContain('ann');

    await correct(id, { id: checkout.id, status: 'operational' }, { id: cart.id, status: 'operational' });
    expect((await told()).join('\n')).toMatch(
      /ann.*gus: \[Not affected\]|gus.*ann: \[Not affected\]|ann, gus: \[Not affected\]/,
    );
    await say(id, { status: 'resolved', reason: 'Checked.', notify: true });
    expect((await told()).join('\n')).toMatch(/ann.*gus: \[Resolved\]/);
    // Over is over.
    await correct(id, { id: checkout.id, status: 'major_outage' });
    expect(await told()).toEqual([]);
  });

  it('are not told a text that was stopped when they are affected after all', async () => {
    const { ctx, checkout, correct, told, declare, say } = await wrongComponent(fresh);
    const { id } = await declare();
    await told();
    await say(id, { notify: true, body: 'It begins.' });
    await told();
    await correct(id, { id: checkout.id, status: 'operational' });
    await told();
    await say(id, { notify: true, body: 'Wrong words.' });
    for (const { noticeId } of await listOutgoing(ctx, id)) await stopSending(ctx, noticeId);
    await correct(id, { id: checkout.id, status: 'major_outage' });
    expect((await told()).join()).not.toContain('ann');
  });
});
