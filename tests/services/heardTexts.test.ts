import { expect, it } from 'vitest';
import { readMail } from '#services/deliveries.ts';
import { stopSending } from '#services/fanoutControl.ts';
import { type HeardPerson, lookUp } from '#services/heard.ts';
import { eachDatabase } from '../support/databases.ts';
import { outgoingHouse } from './outgoingHouse.ts';

const ONE = 'The first thing.';
const TWO = 'The second thing.';
const MENDED = 'The second thing, put right.';

eachDatabase('what each was told, when texts were coalesced and mended on the way', (fresh) => {
  it('reads letter for letter as it was sent, to each of them', async () => {
    const house = await outgoingHouse(fresh, { people: 8 });
    const { ctx, wire } = house;
    const { id } = await house.declare();
    await house.say(id, { body: ONE, notify: true });
    await house.release();
    wire.takes = false;
    await house.turn();
    await house.answer();
    await house.say(id, { body: TWO, notify: true });
    await house.release();
    for (let calls = 0; calls < 3; calls += 1) await house.answer();
    await stopSending(ctx, (await house.newest(id)).noticeId);
    await house.edit(id, MENDED);
    await house.release();
    await house.drain();

    const heard = new Map<string, HeardPerson>();
    for (const address of house.addresses)
      heard.set(address, (await lookUp(ctx, { sought: { by: 'address', address } })) as HeardPerson);
    // Every mail that left is there, under the person whom it went to, and reads as it went.
    for (const mail of wire.taken) {
      const told = heard.get(mail.to)?.told.find(({ seq }) => seq === mail.deliverySeq);
      expect(told, mail.subject).toMatchObject({ subject: mail.subject, state: 'accepted' });
      const { subject, text, html } = await readMail(ctx, mail.deliverySeq);
      expect({ subject, text, html }).toEqual({ subject: mail.subject, text: mail.text, html: mail.html });
    }
    // And nothing is said to have left that did not.
    for (const [address, { told }] of heard)
      expect(told.filter(({ state }) => state === 'accepted').length, address).toBe(
        house.heard(address).length,
      );
    const [first, , , , fifth, , seventh] = house.addresses as string[];
    const variants = (address?: string) =>
      heard.get(address as string)?.told.map(({ state, variant }) => [state, variant?.what ?? null]);
    expect(variants(first)).toEqual([
      ['accepted', 'correction'],
      ['accepted', null],
      ['accepted', null],
    ]);
    expect(variants(fifth)).toEqual([
      ['accepted', 'correction'],
      ['accepted', 'missed'],
      ['superseded', null],
    ]);
    expect(variants(seventh)?.filter(([state]) => state === 'accepted')).toEqual([['accepted', 'missed']]);
  });
});
