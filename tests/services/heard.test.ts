import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { suppressAddress } from '#db/suppressions.ts';
import type { DeliveryState } from '#domain/deliveries.ts';
import { fateOf } from '#domain/heard.ts';
import type { HookPayload } from '#domain/hooks.ts';
import type { Instant } from '#domain/time.ts';
import { addMember, ensureAudiences } from '#services/audiences.ts';
import { readMail } from '#services/deliveries.ts';
import { type HeardNames, type HeardPerson, lookUp, lookUpInput } from '#services/heard.ts';
import type { HeardDomain } from '#services/heardDomain.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { addSubscriber, eraseSubscriber, unsubscribeSubscriber } from '#services/subscriberRecords.ts';
import { subscribe, WHOLE_PAGE } from '#services/subscribers.ts';
import { postNotice, rendered } from '../delivery/support.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import {
  makeClaim,
  makeComponent,
  makeGroup,
  makeIncident,
  makePage,
  makeUpdate,
} from '../support/factory.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { outgoingHouse } from './outgoingHouse.ts';

const POSTED = '2026-11-20T13:40:00.000Z';
const HANDED = '2026-11-20T13:41:00.000Z';

eachDatabase('what did they hear', (fresh) => {
  async function house(): Promise<{ db: Db; ctx: TestCtx }> {
    const db = await fresh();
    const ctx = testContext(db);
    await makePage(db, { time_zone: 'Europe/Madrid' });
    await ensureAudiences({ ...ctx, actor: { kind: 'system', name: 'test' } });
    return { db, ctx };
  }

  const look = (ctx: TestCtx, typed: string, more: { before?: number; after?: string } = {}) =>
    lookUp(ctx, { ...lookUpInput.parse({ sought: typed }), ...more });
  const person = async (ctx: TestCtx, typed: string, more?: { before?: number }) =>
    (await look(ctx, typed, more)) as HeardPerson;

  /** One update of an incident that was mailed to this address, as far as `state` says. @returns the delivery's seq */
  async function mailed(
    db: Db,
    address: string,
    state: DeliveryState,
    options: {
      incident?: { seq: number };
      status?: 'investigating' | 'identified' | 'resolved';
      reason?: string;
      transport?: 'resend' | 'smtp';
      arrivedAt?: Instant;
      audience?: 'public' | 'internal';
    } = {},
  ): Promise<number> {
    const incident = options.incident ?? (await makeIncident(db));
    const update = await makeUpdate(db, incident.seq, {
      status: options.status ?? 'identified',
      posted_at: POSTED,
      audience: options.audience ?? 'public',
    });
    const noticeSeq = await postNotice(db, POSTED, { mail: rendered('[Identified] Checkout') });
    return db.write(async (tx) => {
      await tx
        .updateTable('notices')
        .set({ incident_seq: incident.seq, update_seq: update.seq })
        .where('seq', '=', noticeSeq)
        .execute();
      await tx.updateTable('fanouts').set({ state: 'done' }).where('notice_seq', '=', noticeSeq).execute();
      const left = !['queued', 'refused', 'suppressed', 'superseded'].includes(state);
      const batch = left
        ? await tx
            .insertInto('batches')
            .values({
              transport: options.transport ?? 'resend',
              idempotency_key: `k${noticeSeq}`,
              generation: 0,
              priority: 1,
              size: 1,
              body_sha256: '',
              state: 'settled',
              fence: 1,
              attempts: 0,
              not_before: POSTED,
              created_at: POSTED,
              settled_at: state === 'in_batch' ? null : HANDED,
            })
            .returning('seq')
            .executeTakeFirstOrThrow()
        : null;
      const { seq: recipient } = await tx
        .selectFrom('recipients')
        .select('seq')
        .where('address', '=', address)
        .orderBy('seq')
        .executeTakeFirstOrThrow();
      const { seq } = await tx
        .insertInto('deliveries')
        .values({
          notice_seq: noticeSeq,
          recipient_seq: recipient,
          state,
          priority: 1,
          not_before: POSTED,
          attempts: 0,
          unanswered: 0,
          batch_seq: batch?.seq ?? null,
          reason: options.reason ?? null,
          updated_at: HANDED,
        })
        .returning('seq')
        .executeTakeFirstOrThrow();
      if (options.arrivedAt)
        await tx
          .insertInto('provider_events')
          .values({
            provider: 'resend',
            event_id: `e${seq}`,
            type: 'email.delivered',
            occurred_at: options.arrivedAt,
            received_at: options.arrivedAt,
            body: '{}',
            receipt: '{}',
            delivery_seq: seq,
          })
          .execute();
      return seq;
    });
  }

  it('tells of one who was never here, and offers to subscribe', async () => {
    const { ctx } = await house();
    const found = await person(ctx, 'Nobody@Acme.example');
    expect(found).toMatchObject({ address: 'nobody@acme.example', parts: [], told: [], open: [] });
    expect(found.reply).toContain('is not subscribed, so we have sent it nothing');
    expect(found.reply).toContain('https://status.example.com/subscribe');
  });

  it('tells what was said, when it left and when it arrived, in the page’s zone', async () => {
    const { db, ctx } = await house();
    await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    const incident = await makeIncident(db, { next_update_due: '2026-11-20T14:30:00.000Z' });
    await mailed(db, 'mia@acme.example', 'delivered', {
      incident,
      arrivedAt: '2026-11-20T13:41:07.000Z',
    });
    const found = await person(ctx, 'mia@acme.example');
    const [told] = found.told;
    expect(told).toMatchObject({ state: 'delivered', handedOverAt: HANDED, variant: null });
    expect(fateOf(told!, { zone: 'Europe/Madrid', now: ctx.now() })).toEqual({
      look: 'arrived',
      words: 'Arrived at their mail server at 14:41 CET.',
    });
    expect(found.reply).toContain(
      'Our newest message was the update on “Checkout is failing for some customers” (Identified) of 20 Nov 2026, 14:40 CET. Your mail server took it at 20 Nov 2026, 14:41 CET.',
    );
    expect(found.reply).toContain(
      `Open now: “Checkout is failing for some customers” (Investigating). The next update comes by 20 Nov 2026, 15:30 CET. https://status.example.com/incidents/${incident.id}`,
    );
    expect(found.open).toMatchObject([{ id: incident.id, due: '2026-11-20T14:30:00.000Z' }]);
  });

  it.each<[DeliveryState, string, string, string | null]>([
    ['queued', 'is waiting to be sent to you', 'Waits for its turn.', null],
    ['in_batch', 'is on its way out to you right now', 'Is being handed over', null],
    ['accepted', 'It left us at 20 Nov 2026, 14:41 CET; we have no receipt', 'No receipt yet.', null],
    ['bounced', 'Your mail server did not take it and sent it back.', 'Sent back', '550 no such user'],
    ['complained', 'was reported as spam there', 'reported as spam', null],
    ['refused', 'did not leave us because of a fault in sending', 'Never left', 'Invalid `to`'],
    ['uncertain', 'We do not know whether our newest message', 'May or may not', 'No answer.'],
    ['suppressed', 'was not sent to you', 'Not sent.', 'The address is on the suppression list.'],
  ])(
    'answers honestly of what is %s, and keeps reasons for people inside',
    async (state, reply, fate, reason) => {
      const { db, ctx } = await house();
      await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
      await mailed(db, 'mia@acme.example', state, { reason: reason ?? undefined });
      const found = await person(ctx, 'mia@acme.example');
      expect(found.reply).toContain(reply);
      const { words } = fateOf(found.told[0]!, { zone: 'Europe/Madrid', now: ctx.now() });
      expect(words).toContain(fate);
      if (reason) {
        expect(words).toContain(reason);
        expect(found.reply).not.toContain(reason);
      }
    },
  );

  it('says of mail by SMTP that no receipt will come', async () => {
    const { db, ctx } = await house();
    await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    await mailed(db, 'mia@acme.example', 'accepted', { transport: 'smtp' });
    const { told } = await person(ctx, 'mia@acme.example');
    expect(fateOf(told[0]!, { zone: 'UTC', now: ctx.now() }).words).toBe(
      'Handed over at 13:41 UTC. Mail that leaves this way gives no receipts.',
    );
  });

  it('names the last that left when a newer one still waits, and passes over what was superseded', async () => {
    const { db, ctx } = await house();
    await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    await mailed(db, 'mia@acme.example', 'delivered', { status: 'investigating', arrivedAt: HANDED });
    await mailed(db, 'mia@acme.example', 'superseded');
    await mailed(db, 'mia@acme.example', 'queued', { status: 'resolved' });
    const { reply, told } = await person(ctx, 'mia@acme.example');
    expect(told.map(({ state }) => state)).toEqual(['queued', 'superseded', 'delivered']);
    expect(reply).toContain('(Resolved) of 20 Nov 2026, 14:40 CET, is waiting to be sent to you.');
    expect(reply).toContain('The last one before it that left us was the update on');
    expect(reply).toContain('(Investigating)');
    expect(reply).not.toContain('(Identified)');
  });

  it('says that a message is stopped, and by whom only inside', async () => {
    const { db, ctx } = await house();
    await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    await mailed(db, 'mia@acme.example', 'queued');
    await db.write((tx) =>
      tx.updateTable('notices').set({ stopped_at: HANDED, stopped_by: 'Noor Aziz' }).execute(),
    );
    const { reply, told } = await person(ctx, 'mia@acme.example');
    expect(reply).toContain('has not been sent to you yet: we are holding it back for now');
    expect(reply).not.toContain('Noor');
    expect(fateOf(told[0]!, { zone: 'UTC', now: ctx.now() }).words).toContain(
      'Noor Aziz stopped this message',
    );
  });

  it('says when the text was another than most people got: what they missed, or a correction', async () => {
    const { db, ctx } = await house();
    await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    const seq = await mailed(db, 'mia@acme.example', 'delivered', { arrivedAt: HANDED });
    const variantSeq = await postNotice(db, POSTED, { mail: rendered('[Identified] All of it') });
    await db.write(async (tx) => {
      const { update_seq } = await tx
        .selectFrom('notices')
        .select('update_seq')
        .where('update_seq', 'is not', null)
        .executeTakeFirstOrThrow();
      await tx
        .updateTable('notices')
        .set({ since_update_seq: update_seq })
        .where('seq', '=', variantSeq)
        .execute();
      await tx.updateTable('deliveries').set({ content_seq: variantSeq }).where('seq', '=', seq).execute();
    });
    const missed = await person(ctx, 'mia@acme.example');
    expect(missed.told[0]).toMatchObject({
      subject: '[Identified] All of it',
      variant: { what: 'missed', since: POSTED },
    });
    await db.write((tx) => tx.updateTable('fanouts').set({ mends: '{"bases":[],"contents":[]}' }).execute());
    const corrected = await person(ctx, 'mia@acme.example');
    expect(corrected.told[0]?.variant).toEqual({ what: 'correction' });
    expect(corrected.reply).toContain('the correction on “Checkout is failing');
  });

  it('knows who asked and never confirmed, who left, and who was erased', async () => {
    const { db, ctx } = await house();
    await subscribe(
      ctx,
      { address: 'new@acme.example', choice: WHOLE_PAGE, locale: 'en', source: 'test', clientKey: 'x' },
      async () => ({ ok: true }),
    );
    const pending = await person(ctx, 'new@acme.example');
    expect(pending.reply).toContain('was entered on 20 Nov 2026, but the subscription was not confirmed');
    expect(pending.told).toMatchObject([{ kind: 'confirm', state: 'queued' }]);
    // The mail that asks is no news.
    expect(pending.reply).not.toContain('newest message');

    const id = await addSubscriber(ctx, { address: 'left@acme.example', consent: 'a letter' });
    await mailed(db, 'left@acme.example', 'delivered', { arrivedAt: HANDED });
    await unsubscribeSubscriber(ctx, id);
    const left = await person(ctx, 'left@acme.example');
    expect(left.reply).toContain('was unsubscribed on 20 Nov 2026, and we have sent it no news since');
    expect(left.reply).toContain('Your mail server took it at');

    await db.write((tx) =>
      suppressAddress(tx, {
        address: 'left@acme.example',
        reason: 'complaint',
        detail: null,
        now: ctx.now(),
      }),
    );
    expect((await person(ctx, 'left@acme.example')).reply).toContain(
      'Since 20 Nov 2026 we send nothing to it, because our mail was reported as spam from this mailbox.',
    );
    await eraseSubscriber(ctx, id);
    const erased = await person(ctx, 'left@acme.example');
    expect(erased).toMatchObject({ parts: [], told: [], suppression: { reason: 'complaint' } });
    expect(erased.reply).toContain('we send nothing to it');
  });

  it('lists only what concerns what they follow, and what only people inside may know stays out of the reply', async () => {
    const { db, ctx } = await house();
    const group = await makeGroup(db);
    const cart = await makeComponent(db, { name: 'Cart', group_id: group.id });
    const search = await makeComponent(db, { name: 'Search' });
    const shop = await makeIncident(db, { title: 'Cart is slow' });
    const other = await makeIncident(db, { title: 'Search is down' });
    await makeIncident(db, { title: 'A leak', published_at: null });
    await makeIncident(db, { title: 'A security matter', restricted: 1 });
    await makeClaim(db, { component_id: cart.id, source_seq: shop.seq, status: 'partial_outage' });
    await makeClaim(db, { component_id: search.id, source_seq: other.seq, status: 'major_outage' });
    const id = await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    await db.write(async (tx) => {
      const { seq } = await tx
        .selectFrom('recipients')
        .select('seq')
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      await tx.updateTable('recipients').set({ whole_page: 0 }).execute();
      await tx
        .insertInto('recipient_scopes')
        .values({ recipient_seq: seq, kind: 'group', ref_id: group.id })
        .execute();
    });
    const found = await person(ctx, 'mia@acme.example');
    expect(found.parts).toMatchObject([{ follows: 'everything of Shop' }]);
    expect(found.open.map(({ title }) => title)).toEqual(['Cart is slow']);
    expect(found.reply).toContain('follows everything of Shop.');
    expect(found.reply).not.toMatch(/Search is down|leak|security/);

    const inside = await makeIncident(db, { title: 'Only inside', published_at: null });
    await mailed(db, 'mia@acme.example', 'delivered', {
      incident: inside,
      arrivedAt: HANDED,
      audience: 'internal',
    });
    expect((await person(ctx, 'mia@acme.example')).reply).toContain(
      'Our newest message was the one of 20 Nov 2026',
    );
    expect((await person(ctx, 'mia@acme.example')).reply).not.toContain('Only inside');
  });

  it('shows what is still being made ready for them', async () => {
    const { db, ctx } = await house();
    await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    await postNotice(db, ctx.now(), { mail: rendered('[Identified] Soon') });
    expect((await person(ctx, 'mia@acme.example')).coming).toMatchObject([{ subject: '[Identified] Soon' }]);
    await addSubscriber(ctx, { address: 'later@acme.example', consent: 'a letter' });
    expect((await person(ctx, 'later@acme.example')).coming).toEqual([]);
  });

  it('a digest is news too: whoever gets the mail of the day is told of that', async () => {
    const { db, ctx } = await house();
    await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    await mailed(db, 'mia@acme.example', 'delivered', { arrivedAt: HANDED });
    const seq = await mailed(db, 'mia@acme.example', 'accepted');
    await db.write((tx) =>
      tx
        .updateTable('notices')
        .set({ kind: 'digest', incident_seq: null, update_seq: null })
        .where('seq', '=', (eb) => eb.selectFrom('deliveries').select('notice_seq').where('seq', '=', seq))
        .execute(),
    );
    const { reply } = await person(ctx, 'mia@acme.example');
    expect(reply).toContain('Our newest message was the digest of 20 Nov 2026, 14:40 CET. It left us at');
    const { people } = (await look(ctx, 'acme.example')) as HeardDomain;
    expect(people).toMatchObject([{ last: { seq, kind: 'digest' } }]);
  });

  it('says what comes next to those who get it, and to nobody else', async () => {
    const house = await outgoingHouse(fresh, { people: 0 });
    const { db, ctx } = house;
    const modes = ['policy', 'everything', 'important', 'digest'] as const;
    for (const mode of modes) await makeSubscribers(db, 1, [], { mode });
    const coming = async () => {
      const found = [];
      for (const [index, mode] of modes.entries())
        for (const { subject } of (await person(ctx, address(index + 1))).coming)
          found.push(`${mode}: ${subject}`);
      return found;
    };
    const { id } = await house.declare({ severity: 'SEV1' });
    await house.say(id, { body: 'It begins.', notify: true });
    // Whoever gets the mail of the day gets none of its own.
    expect(await coming()).toEqual(
      ['policy', 'everything', 'important'].map((mode) => `${mode}: [Investigating] Checkout is failing`),
    );
    await house.release();
    await house.drain();
    ctx.clock.advance(60_000);
    await house.say(id, { body: 'Still looking.', notify: true });
    await house.release();
    await house.drain();
    // The one waits for its turn, the other has been told.
    expect(await coming()).toEqual(['policy: [Investigating] Checkout is failing']);
    await db.write((tx) => tx.updateTable('incidents').set({ restricted: 1 }).execute());
    expect(await coming()).toEqual([]);
  });

  it('tells of webhooks and chats by their address and by who looks after them, with the calls as they were sent', async () => {
    const { db, ctx } = await house();
    const url = 'https://hooks.acme.example/status?key=1';
    const chat = 'https://hooks.slack.com/services/T000/B000/abcdefghijkl';
    const own = { owner: 'ops@acme.example', name: '#ops' };
    const hook = await addHookSubscriber(ctx, { ...own, channel: 'webhook', url, name: null });
    await addHookSubscriber(ctx, { ...own, channel: 'slack', url: chat });
    const seq = await mailed(db, url, 'accepted');
    const payload: HookPayload = {
      webhook: [{ incident: { name: 'Checkout' } }, { component: { name: 'Cart' } }],
      slack: { text: 'Checkout' },
      teams: {},
      discord: {},
    };
    await db.write(async (tx) => {
      await tx
        .updateTable('notices')
        .set({ payload: JSON.stringify(payload) })
        .execute();
      await tx.updateTable('deliveries').set({ lane: 'hook' }).execute();
    });

    const byUrl = await person(ctx, url);
    expect(byUrl.parts).toMatchObject([{ id: hook.id, channel: 'webhook', shown: url }]);
    expect(byUrl.told).toMatchObject([{ seq, hook: { channel: 'webhook', url } }]);
    const byOwner = await person(ctx, 'ops@acme.example');
    expect(byOwner.parts.map(({ shown }) => shown)).toEqual([url, 'https://hooks.slack.com/…ijkl']);
    expect(byOwner.told).toEqual(byUrl.told);
    expect(byOwner.reply).toContain(`Webhook ${url} is called since 20 Nov 2026 and follows the whole page.`);
    expect(byOwner.reply).toContain('Your server took it at 20 Nov 2026, 14:41 CET.');
    expect(byOwner.reply).not.toContain('is not subscribed');
    // Who knows a chat's address may write there.
    expect(JSON.stringify([await person(ctx, chat), await person(ctx, '#ops'), byOwner])).not.toContain(
      'T000',
    );

    const mail = await readMail(ctx, seq);
    expect(mail.calls?.map((body) => JSON.parse(body))).toMatchObject([
      {
        incident: { name: 'Checkout' },
        meta: { documentation: 'https://status.example.com/subscribe/webhook' },
      },
      { component: { name: 'Cart' } },
    ]);
  });

  it('pages through a long history, and the reply stays about the newest', async () => {
    const { db, ctx } = await house();
    await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    const incident = await makeIncident(db);
    for (let count = 0; count < 52; count++)
      await mailed(db, 'mia@acme.example', 'delivered', {
        incident,
        status: count === 51 ? 'resolved' : 'identified',
        arrivedAt: HANDED,
      });
    const first = await person(ctx, 'mia@acme.example');
    expect([first.told.length, first.reply.includes('(Resolved)')]).toEqual([50, true]);
    const second = await person(ctx, 'mia@acme.example', { before: first.older! });
    expect([second.told.length, second.older, second.reply]).toEqual([2, null, first.reply]);
  });

  it('lists the people of exactly one domain with their last word, counted and paged', async () => {
    const { db, ctx } = await house();
    for (let number = 10; number < 63; number++)
      await addSubscriber(ctx, { address: `p${number}@acme.example`, consent: 'a letter' });
    await addSubscriber(ctx, { address: 'x@notacme.example', consent: 'a letter' });
    await addSubscriber(ctx, { address: 'x@mail.acme.example', consent: 'a letter' });
    await addMember(ctx, 'support', { address: 'p10@acme.example', name: 'Ada' });
    await mailed(db, 'p10@acme.example', 'delivered', { status: 'investigating', arrivedAt: HANDED });
    await mailed(db, 'p10@acme.example', 'bounced');
    await db.write((tx) =>
      suppressAddress(tx, { address: 'p11@acme.example', reason: 'bounce', detail: null, now: ctx.now() }),
    );
    const first = (await look(ctx, '@ACME.example')) as HeardDomain;
    expect(first).toMatchObject({
      found: 'domain',
      domain: 'acme.example',
      counts: { subscribed: 53, pending: 0, unsubscribed: 0, inside: 1, suppressed: 1 },
      more: false,
    });
    expect(first.people).toHaveLength(50);
    expect(first.people[0]).toMatchObject({
      address: 'p10@acme.example',
      parts: ['Subscribed', 'In an audience'],
      suppressed: false,
      last: { state: 'bounced' },
    });
    expect(first.people[1]).toMatchObject({ suppressed: true, last: null });
    const second = (await look(ctx, 'acme.example', { after: first.next! })) as HeardDomain;
    expect(second.people.map(({ address }) => address)).toEqual([
      'p60@acme.example',
      'p61@acme.example',
      'p62@acme.example',
    ]);
    expect(second.next).toBeNull();
  });

  it('finds people inside by name, whatever the case and the accents', async () => {
    const { ctx } = await house();
    await addMember(ctx, 'support', { address: 'zoe@acme.example', name: 'Zoë Müller-Brandt' });
    await addMember(ctx, 'managers', { address: 'zoe@acme.example', name: 'Zoë Müller-Brandt' });
    await addMember(ctx, 'support', { address: 'zora@acme.example', name: 'Zora Neal' });
    expect((await person(ctx, 'MULLER zoe')).address).toBe('zoe@acme.example');
    expect((await person(ctx, 'brandt')).parts.map(({ audience }) => audience)).toEqual([
      'Support',
      'Managers',
    ]);
    const both = (await look(ctx, 'zo')) as HeardNames;
    expect(both.people.map(({ name }) => name)).toEqual(['Zoë Müller-Brandt', 'Zora Neal']);
    expect(((await look(ctx, '100%_')) as HeardNames).people).toEqual([]);
    // What could be a domain is looked for as a name when nobody is there.
    await addMember(ctx, 'support', { address: 'j@acme.example', name: 'J.Smith' });
    expect((await person(ctx, 'j.smith')).address).toBe('j@acme.example');
  });

  it('shows fifty of a name and says how many more there are', async () => {
    const { db, ctx } = await house();
    const call = (from: number, to: number) =>
      db.write((tx) =>
        tx
          .insertInto('recipients')
          .values(
            Array.from({ length: to - from + 1 }, (_, index) => ({
              id: `named${String(from + index).padStart(7, '0')}`,
              kind: 'stakeholder' as const,
              channel: 'email' as const,
              audience_id: 'support',
              address: `kim${from + index}@acme.example`,
              name: `Kim ${from + index === 7 ? 'Seventh' : 'Lee'}`,
              state: 'confirmed' as const,
              whole_page: 0 as const,
              mode: 'policy' as const,
              locale: 'en',
              created_at: ctx.now(),
              confirmed_at: ctx.now(),
            })),
          )
          .execute(),
      );
    await call(1, 50);
    expect(await look(ctx, 'kim')).toMatchObject({ people: { length: 50 }, more: 0 });
    await call(51, 63);
    expect(await look(ctx, 'kim')).toMatchObject({ people: { length: 50 }, more: 13 });
    // More of the name finds the one.
    expect((await person(ctx, 'kim sev')).address).toBe('kim7@acme.example');
  });

  it('is on record for each look, without the address, and only for those who may', async () => {
    const { db, ctx } = await house();
    const id = await addSubscriber(ctx, { address: 'mia@acme.example', consent: 'a letter' });
    for (const role of ['responder', 'viewer'] as const)
      await expect(look(ctx.as(role), 'mia@acme.example')).rejects.toMatchObject({ code: 'forbidden' });
    await look(ctx, 'mia@acme.example');
    await look(ctx, 'nobody@acme.example');
    await look(ctx, 'acme.example');
    await look(ctx, 'Someone');
    const rows = await db.read((tx) =>
      tx.selectFrom('audit').selectAll().where('action', '=', 'subscriber.lookUp').orderBy('seq').execute(),
    );
    expect(rows.map((row) => [row.subject_kind, row.subject_id])).toEqual([
      ['subscriber', id],
      ['address', expect.stringMatching(/^[\w-]{10}$/)],
      ['domain', 'acme.example'],
      ['name', expect.stringMatching(/^[\w-]{10}$/)],
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/mia@|nobody@|Someone/);
  });
});

it('reads what was typed as an address, a domain, a name, or refuses it', () => {
  const read = (sought: string) => lookUpInput.safeParse({ sought }).data?.sought ?? null;
  expect(read(' Mia@ACME.example ')).toEqual({ by: 'address', address: 'mia@acme.example' });
  expect(read('Acme.Example')).toEqual({ by: 'domain', domain: 'acme.example' });
  expect(read('@acme.example')).toEqual({ by: 'domain', domain: 'acme.example' });
  expect(read('bücher.example')).toEqual({ by: 'domain', domain: 'xn--bcher-kva.example' });
  expect(read('Mia Berg')).toEqual({ by: 'name', name: 'Mia Berg' });
  expect(read('https://hooks.example/a?b=c')).toEqual({
    by: 'address',
    address: 'https://hooks.example/a?b=c',
  });
  for (const wrong of ['', '  ', 'mia@', 'mia@acme', '@@', 'a b@acme.example', 'x'.repeat(300), 'a\u0000b'])
    expect(read(wrong), wrong).toBeNull();
});
