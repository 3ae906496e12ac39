import { expect, it } from 'vitest';
import { listNotices } from '#db/notices.ts';
import { addressLetter, openLetter } from '#delivery/mail.ts';
import { composeMessage } from '#delivery/transports/mime.ts';
import { buildBody } from '#delivery/transports/resendBody.ts';
import { factsFor } from '#domain/stakeholders.ts';
import { createAccount, deleteAccount, getAccount, listAccounts, saveAccount } from '#services/accounts.ts';
import {
  addChat,
  createAudience,
  deleteAudience,
  getAudience,
  pasteMembers,
  removeMember,
} from '#services/audiences.ts';
import { lookUp } from '#services/heard.ts';
import { disableUser } from '#services/users.ts';
import { eachDatabase } from '../support/databases.ts';
import { stakeholderHouse } from './stakeholderHouse.ts';

eachDatabase('people of audiences and accounts', (fresh) => {
  it('an account has a name of its own, someone of ours, and components; without it its people are told nothing', async () => {
    const { ctx, acme, cart, checkout, declare, say, told } = await stakeholderHouse(fresh);
    expect(
      (await listAccounts(ctx)).map(({ name, contact, components, people }) => [
        name,
        contact?.name,
        components.map((one) => one.name),
        people,
      ]),
    ).toEqual([
      ['Acme', 'Mia Berg', ['Checkout'], 1],
      ['Globex', 'Jonas Ek', ['Cart'], 1],
    ]);
    const input = { name: 'Acme', contactId: 'mia', components: [checkout.id] };
    const wrong: [Partial<typeof input>, string][] = [
      [{ name: 'globex' }, 'name'],
      [{ contactId: 'nobody' }, 'contactId'],
      [{ components: ['nothing'] }, 'components'],
    ];
    for (const [changes, field] of wrong)
      await expect(saveAccount(ctx, acme, { ...input, ...changes })).rejects.toMatchObject({
        problems: [{ field }],
      });
    await saveAccount(ctx, acme, {
      ...input,
      contactId: 'jonas',
      components: [checkout.id, cart.id, cart.id],
    });
    expect((await getAccount(ctx, acme)).account.components).toHaveLength(2);
    await deleteAccount(ctx, acme);
    await expect(getAccount(ctx, acme)).rejects.toMatchObject({ code: 'not_found' });
    const { id } = await declare();
    await told();
    await say(id, { notify: true });
    expect((await told()).join()).not.toContain('ann');
    await createAccount(ctx, input);
  });

  it('many are pasted at once: who can be read is in, and each line that cannot says why', async () => {
    const { ctx } = await stakeholderHouse(fresh);
    const report = await pasteMembers(
      ctx,
      'support',
      [
        'Email,Name',
        'sue@example.com,Sue Again',
        'ada@example.com, Ada Lovelace',
        'Grace Hopper;grace@example.com',
        'joan@example.com\tJoan Clarke',
        '"Johnson, Katherine" <katherine@example.com>',
        'mary@example.com',
        '',
        'ADA@example.com,Ada',
        'nobody at all',
        'broken@,Broken',
        'a@example.com,b,c',
        '"open@example.com,Open',
      ].join('\r\n'),
    );
    expect([report.added, report.known]).toEqual([5, 1]);
    expect(report.bad.map(({ line, reason }) => `${line} ${reason}`)).toEqual([
      '9 This address stands in a line before.',
      '10 There is no mail address.',
      '11 This is no mail address. Write it as mia@example.com.',
      '12 There are more than two cells. Write an address and a name.',
      '13 Its quotes do not match.',
    ]);
    expect((await getAudience(ctx, 'support')).members.map(({ name, address }) => [name, address])).toEqual([
      ['Ada Lovelace', 'ada@example.com'],
      ['Grace Hopper', 'grace@example.com'],
      ['Joan Clarke', 'joan@example.com'],
      ['Johnson, Katherine', 'katherine@example.com'],
      [null, 'mary@example.com'],
      ['Sue Again', 'sue@example.com'],
    ]);
    await expect(pasteMembers(ctx, 'support', ' \n ')).rejects.toMatchObject({
      problems: [{ field: 'lines' }],
    });
    await expect(pasteMembers(ctx, 'nosuch', 'a@example.com')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('a chat is told what the people are told, and who is taken out before it leaves is not', async () => {
    const { ctx, db, declare, told, release } = await stakeholderHouse(fresh);
    await addChat(ctx, 'managers', {
      channel: 'slack',
      url: 'https://hooks.slack.com/services/T0/B0/secret',
      name: '#managers',
      owner: 'ops@example.com',
    });
    const { members } = await getAudience(ctx, 'managers');
    const max = members.find(({ address }) => address === 'max@example.com');
    const { seq } = await declare({ summary: 'The leader is gone.' });
    await removeMember(ctx, 'managers', max?.id as string);
    await release();
    const calls = await db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .select(['d.lane', 'd.state', 'n.payload'])
        .where('n.incident_seq', '=', seq)
        .where('d.lane', '=', 'hook')
        .execute(),
    );
    expect(calls).toHaveLength(1);
    expect(calls[0]?.payload).toContain('The leader is gone.');
    expect(await told()).toEqual(['eva, sue: [SEV1, Declared] Checkout is failing']);
  });

  it('a chat is told all that it missed, as the people are', async () => {
    const { ctx, db, declare, say, told, last } = await stakeholderHouse(fresh);
    await addChat(ctx, 'support', {
      channel: 'teams',
      url: 'https://teams.example/flow',
      name: '#support',
      owner: 'ops@example.com',
    });
    const { id, seq } = await declare();
    await say(id, { notify: true, body: 'Card payments fail.' });
    await say(id, { notify: true, status: 'identified', body: 'A certificate has run out.' });
    await told();
    expect(last('sue').text).toMatch(/A certificate has run out\.[\s\S]*So far[\s\S]*Card payments fail\./);
    const chat = await db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('notices as n', (join) =>
          join.on('n.seq', '=', (eb) => eb.fn.coalesce('d.content_seq', 'd.notice_seq')),
        )
        .select('n.payload')
        .where('n.incident_seq', '=', seq)
        .where('d.lane', '=', 'hook')
        .where('d.state', '=', 'queued')
        .executeTakeFirstOrThrow(),
    );
    expect(chat.payload).toMatch(
      /A certificate has run out\..*So far.*Investigating, .*Card payments fail\./,
    );
  });

  it('an own audience is made, named once, and deleted; those of the policies stay', async () => {
    const { ctx } = await stakeholderHouse(fresh);
    const input = {
      name: 'Legal',
      kind: 'outside' as const,
      severities: ['SEV1' as const],
      intro: null,
      facts: factsFor('inside'),
    };
    const id = await createAudience(ctx, input);
    expect((await getAudience(ctx, id)).audience).toMatchObject({ position: 4, facts: factsFor('outside') });
    await expect(createAudience(ctx, { ...input, name: 'legal' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(createAudience(ctx, { ...input, name: 'Press', severities: null })).rejects.toMatchObject({
      problems: [{ field: 'severities' }],
    });
    await expect(deleteAudience(ctx, 'support')).rejects.toMatchObject({ code: 'conflict' });
    await deleteAudience(ctx, id);
    await expect(getAudience(ctx, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('answers go to the named contact, and “what did they hear” knows the mail', async () => {
    const { ctx, db, declare, say, told } = await stakeholderHouse(fresh);
    const { id, seq } = await declare();
    await say(id, { notify: true });
    await told();
    const notices = await db.read(async (tx) => {
      const rows = await tx.selectFrom('notices').select('seq').where('incident_seq', '=', seq).execute();
      return listNotices(
        tx,
        rows.map((row) => row.seq),
      );
    });
    const notice = notices.find(({ headers }) => headers['Reply-To']);
    const mail = addressLetter(
      openLetter(notice as NonNullable<typeof notice>),
      {
        deliverySeq: 1,
        recipientId: 'id0000000001',
        address: 'ann@example.com',
        channel: 'email',
        secret: null,
        oldSecret: null,
      },
      { siteUrl: ctx.site.url, sign: ctx.sign },
    );
    const sender = {
      from: { name: 'Harbour', address: 'status@example.com' },
      replyTo: { name: '', address: 'help@example.com' },
      siteUrl: ctx.site.url,
    };
    const message = await composeMessage(mail, sender, ctx.now());
    expect(message.match(/^Reply-To: .*$/gim)).toEqual(['Reply-To: Mia Berg <mia@harbour.example>']);
    expect(message).not.toContain('List-Unsubscribe');
    const [body] = JSON.parse(buildBody([mail], sender, 'mark').toString());
    expect(body.reply_to).toBe('Mia Berg <mia@harbour.example>');
    expect(Object.keys(body.headers)).not.toContain('Reply-To');

    const ann = await lookUp(ctx, { sought: { by: 'address', address: 'ann@example.com' } });
    expect(ann).toMatchObject({
      parts: [{ kind: 'stakeholder', audience: 'Acme' }],
      told: [{ kind: 'stakeholder', subject: '[Investigating] Checkout is failing' }],
    });
  });

  it('an account whose contact has left has none: nobody is named, answers come to the house, and that is said', async () => {
    const { ctx, db, acme, globex, declare, say, told, last } = await stakeholderHouse(fresh);
    await createAccount(ctx, { name: 'Initech', contactId: 'mia', components: [] });
    expect(await disableUser(ctx.as('owner'), 'mia')).toEqual({ accounts: 2 });
    expect(
      (await listAccounts(ctx)).map(({ name, contact, left }) => [name, contact?.name ?? null, left]),
    ).toEqual([
      ['Acme', null, 'Mia Berg'],
      ['Globex', 'Jonas Ek', null],
      ['Initech', null, 'Mia Berg'],
    ]);
    const { id, seq } = await declare();
    await say(id, { notify: true });
    expect((await told()).some((line) => line.startsWith('ann'))).toBe(true);
    const mail = `${last('ann').text}${last('ann').html}`;
    expect(mail).not.toMatch(/Mia|mia@|Answer this mail/);
    expect(last('ann').text.replace(/\s+/g, ' ')).toContain(
      'because you use parts of Harbour that this is about',
    );
    const headers = async () => {
      const rows = await db.read((tx) =>
        tx.selectFrom('notices').select('headers').where('incident_seq', '=', seq).execute(),
      );
      return JSON.stringify(rows);
    };
    expect(await headers()).not.toMatch(/[^-]Reply-To|Mia/);
    // Somebody else takes them over.
    const { account } = await getAccount(ctx, acme);
    const components = account.components.map((one) => one.id);
    await saveAccount(ctx, acme, { name: 'Acme', contactId: 'jonas', components });
    expect((await getAccount(ctx, acme)).account).toMatchObject({
      contact: { name: 'Jonas Ek' },
      left: null,
    });
    await say(id, { notify: true, body: 'We know why.' });
    await told();
    expect(await headers()).toContain('Jonas Ek');
    expect(await disableUser(ctx.as('owner'), 'jonas')).toEqual({ accounts: 2 });
    expect((await getAccount(ctx, globex)).account.contact).toBeNull();
  });
});
