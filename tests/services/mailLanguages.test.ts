import { expect, it } from 'vitest';
import { findHookAt } from '#db/hooks.ts';
import type { Db } from '#db/open.ts';
import { findSubscriber } from '#db/recipients.ts';
import { DAY, MINUTE } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { sendDigests } from '#services/digests.ts';
import { tellQuarantined } from '#services/hookMail.ts';
import { confirmWebhook, subscribeWebhook } from '#services/hookSubscribers.ts';
import { unsubscribe } from '#services/leaving.ts';
import { subscribe, WHOLE_PAGE } from '#services/subscribers.ts';
import { confirmSubscription, getSubscription, saveSubscription } from '#services/subscriptions.ts';
import { fakeTransport, rigEngine } from '../delivery/support.ts';
import { eachDatabase } from '../support/databases.ts';
import { startFakeResend } from '../support/fakeResend.ts';
import { outgoingHouse } from './outgoingHouse.ts';

const freely = async () => ({ ok: true }) as const;
const PEOPLE = { eva: 'en', uwe: 'de', ida: 'de-AT', amr: 'ar', luc: 'fr' } as const;
const at = (name: string) => `${name}@example.com`;

async function house(fresh: () => Promise<Db>, mode: 'everything' | 'digest' = 'everything') {
  const made = await outgoingHouse(fresh, { people: 0, batchSize: 50 });
  const { db, ctx } = made;
  const linksOf = async (name: string) => {
    const person = await db.read((tx) => findSubscriber(tx, at(name)));
    const links = recipientLinks('', ctx.sign, person!.id, ctx.now());
    const token = (url: string) => url.split('/').at(-1) as string;
    return {
      confirm: token(links.confirm_url),
      manage: token(links.manage_url),
      unsubscribe: token(links.unsubscribe_url),
    };
  };
  const ask = (name: string, locale: string) =>
    subscribe(
      ctx,
      { address: at(name), choice: WHOLE_PAGE, mode, locale, source: 'subscribe page', clientKey: 'x' },
      freely,
    );
  const join = async (name: keyof typeof PEOPLE) => {
    await ask(name, PEOPLE[name]);
    await confirmSubscription(ctx, (await linksOf(name)).confirm);
  };
  const all = async () => {
    for (const name of Object.keys(PEOPLE)) await join(name as keyof typeof PEOPLE);
    await made.drain();
    made.wire.taken.length = 0;
  };
  const subjects = () =>
    Object.fromEntries(Object.keys(PEOPLE).map((name) => [name, made.heard(at(name)).at(-1)?.subject]));
  return { ...made, ask, join, all, linksOf, subjects };
}

eachDatabase('a subscriber’s mail', (fresh) => {
  it('is in the language that they subscribed in, the nearest to it, or the page’s; what was typed stays', async () => {
    const { db, declare, say, release, drain, all, heard, subjects } = await house(fresh);
    await all();
    const { id } = await declare();
    await say(id, { body: 'Cards fail.', notify: true });
    await release();
    await drain();
    expect(subjects()).toEqual({
      eva: '[Investigating] Checkout is failing',
      uwe: '[Wird untersucht] Checkout is failing',
      ida: '[Wird untersucht] Checkout is failing',
      amr: '[قيد التحقيق] Checkout is failing',
      luc: '[Investigating] Checkout is failing',
    });
    for (const name of Object.keys(PEOPLE)) expect(heard(at(name))[0]!.text).toContain('Cards fail.');
    const [german] = heard(at('uwe'));
    expect(german!.text).toContain('https://status.example.com/de/unsubscribe/');
    expect(german!.text).toContain(`https://status.example.com/de/incidents/${id}`);
    expect(german!.html).toContain('<html lang="de"');
    expect(heard(at('eva'))[0]!.text).toContain('https://status.example.com/unsubscribe/');
    // One notice and one batch, as ever: who reads what is decided when the batch is frozen.
    const batches = await db.read((tx) =>
      tx.selectFrom('batches').select('size').orderBy('seq', 'desc').execute(),
    );
    expect(batches[0]!.size).toBe(5);
    const texts = await db.read((tx) =>
      tx
        .selectFrom('notice_texts as t')
        .innerJoin('notices as n', 'n.seq', 't.notice_seq')
        .select(['t.locale'])
        .where('n.kind', '=', 'update')
        .orderBy('t.locale')
        .execute(),
    );
    expect(texts.map(({ locale }) => locale)).toEqual(['ar', 'de']);
  });

  it('says what they missed in their language, too', async () => {
    const { ctx, declare, say, release, drain, join, heard, wire } = await house(fresh);
    await join('uwe');
    await drain();
    wire.taken.length = 0;
    const { id } = await declare();
    await say(id, { body: 'Cards fail.', notify: true });
    ctx.clock.advance(MINUTE / 20);
    await say(id, { body: 'We know why.', status: 'identified', notify: true });
    await release();
    await drain();
    expect(heard(at('uwe')).map(({ subject }) => subject)).toEqual([
      '[Ursache gefunden] Checkout is failing',
    ]);
    expect(heard(at('uwe'))[0]!.text).toMatch(/Was Sie verpasst haben[\s\S]*Cards fail\./);
  });

  it('of the day is in their language', async () => {
    const { ctx, declare, say, drain, all, subjects } = await house(fresh, 'digest');
    await all();
    const { id } = await declare();
    await say(id, { body: 'Cards fail.', notify: true });
    ctx.clock.advance(DAY);
    while ((await sendDigests(ctx)).more);
    await drain();
    expect(subjects()).toEqual({
      eva: 'Harbour status: one thing happened, and it goes on',
      uwe: 'Harbour Status: ein Vorkommnis, und es dauert an',
      ida: 'Harbour Status: ein Vorkommnis, und es dauert an',
      amr: 'حالة Harbour: حدث أمر واحد، وهو مستمر',
      luc: 'Harbour status: one thing happened, and it goes on',
    });
  });

  it('about the subscription is in their language from the first on, and changes with what they choose', async () => {
    const { ctx, ask, linksOf, drain, heard } = await house(fresh);
    await ask('uwe', 'de');
    await drain();
    expect(heard(at('uwe')).at(-1)!.subject).toBe(
      'Bestätigen Sie, dass Sie Meldungen von Harbour Status möchten',
    );
    const { confirm, manage, unsubscribe: leave } = await linksOf('uwe');
    expect(heard(at('uwe')).at(-1)!.text).toContain(`/de/confirm/${confirm}`);
    await confirmSubscription(ctx, confirm);
    expect((await getSubscription(ctx, manage)).locale).toBe('de');
    await saveSubscription(ctx, manage, { ...WHOLE_PAGE, locale: 'klingon' });
    expect((await getSubscription(ctx, manage)).locale).toBe('en');
    await saveSubscription(ctx, manage, { ...WHOLE_PAGE, locale: 'ar' });
    // A stranger who types the address in another language changes nothing.
    ctx.clock.advance(11 * MINUTE);
    await ask('uwe', 'de');
    await drain();
    expect(heard(at('uwe')).at(-1)!.subject).toBe('تحديثات حالة Harbour تصلك بالفعل');
    await unsubscribe(ctx, leave);
    await drain();
    expect(heard(at('uwe')).at(-1)!.subject).toBe('أُلغي اشتراكك في حالة Harbour');
  });

  it('names the way out in its language in the headers that mail programs use, and repeats the same bytes', async () => {
    const { ctx, db, declare, say, release, drain, join } = await house(fresh);
    await join('uwe');
    await join('eva');
    await drain();
    const fake = await startFakeResend();
    try {
      const { id } = await declare();
      await say(id, { body: 'Cards fail.', notify: true });
      await release();
      const rig = await rigEngine(db, fakeTransport(fake, 500), { clock: ctx.clock });
      // The answer to the first call is lost: the second has the same key, and must have the same bytes.
      fake.next({ kind: 'takeAndHang' });
      await rig.drain();
      const [uwe, eva] = ['uwe', 'eva'].map((name) => fake.mails.filter(({ to }) => to === at(name)));
      expect(uwe).toHaveLength(1);
      expect(uwe![0]!.headers['List-Unsubscribe']).toMatch(
        /^<https:\/\/status\.example\.com\/de\/unsubscribe\/\w/,
      );
      expect(eva![0]!.headers['List-Unsubscribe']).toMatch(
        /^<https:\/\/status\.example\.com\/unsubscribe\/\w/,
      );
    } finally {
      await fake.close();
    }
  });

  it('about a webhook is in the language that it was subscribed in, until someone subscribes it in another', async () => {
    const { db, ctx, drain, heard } = await house(fresh);
    const url = 'https://receiver.example/hook';
    const owner = at('uwe');
    const askIn = async (locale: string) => {
      await subscribeWebhook(ctx, { url, owner, locale, source: 'webhook page', clientKey: 'x' }, freely);
      await drain();
    };
    const hook = async () => (await db.read((tx) => findHookAt(tx, 'webhook', url)))!;
    const last = () => heard(owner).at(-1)!;
    await askIn('de');
    expect(last().subject).toBe('Bestätigen Sie Ihren Webhook für Harbour Status');
    expect(last().html).toContain('<html lang="de"');
    expect(last().text).toContain('https://status.example.com/de/webhook/');
    const token = async () =>
      recipientLinks('', ctx.sign, (await hook()).id, ctx.now())
        .hook_url.split('/')
        .at(-1) as string;
    await confirmWebhook(ctx, await token());
    // Who asks for an address that is called already does not change its owner's language.
    ctx.clock.advance(11 * MINUTE);
    await askIn('ar');
    expect(last().subject).toBe('Ihr Webhook für Harbour Status');

    await db.write((tx) =>
      tx
        .updateTable('recipients')
        .set({ quarantined_at: ctx.now() })
        .where('owner_address', '=', owner)
        .execute(),
    );
    await tellQuarantined(ctx);
    await drain();
    expect(last().subject).toBe('Ihr Webhook für Harbour Status wird nicht mehr aufgerufen');
    expect(last().text).toMatch(/seit 20\. Nov\. 2026, \d\d:\d\d UTC/);
    const { unsubscribe_url: out } = recipientLinks('', ctx.sign, (await hook()).id, ctx.now());
    await unsubscribe(ctx, out.split('/').at(-1) as string);
    await drain();
    expect(last().subject).toBe('Ihr Webhook für Harbour Status wurde abbestellt');
    ctx.clock.advance(11 * MINUTE);
    await askIn('ar');
    expect(last().subject).toBe('أكّد استدعاءات حالة Harbour: خطاف الويب');
    expect(last().html).toContain('<html lang="ar" dir="rtl"');
  });
});
