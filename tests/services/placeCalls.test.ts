import { afterEach, expect, it } from 'vitest';
import { LEASE_MS } from '#delivery/lease.ts';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { assignRole } from '#services/incidents.ts';
import { followUpCalls } from '#services/placeFollowUps.ts';
import { addPagingPlace, listPagingPlaces, removePagingPlace, resumePagingPlace } from '#services/places.ts';
import { callStaff, haveIt } from '#services/staffCalls.ts';
import { expandAll, rigEngine } from '../delivery/support.ts';
import { eachDatabase } from '../support/databases.ts';
import type { Receiver } from '../support/receiver.ts';
import { alertsOf, eventsOf, KEY, placeHouse } from './placeHouse.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

eachDatabase('staff called in chat and on a pager', (fresh) => {
  it('a SEV1: the pager hears what cannot wait, that someone has it, and the end; the room hears all', async () => {
    const { server, add, declare, say, pass, as, ctx } = await placeHouse(fresh, ends);
    const [pager, room] = [await server(), await server()];
    await add({ url: `${pager.url}/v2/enqueue` });
    await add({ channel: 'slack', name: '#incidents', url: `${room.url}/T1/B1`, calls: 'all' });
    const { id } = await declare();
    for (const role of ['incident_commander', 'comms_lead'] as const)
      await assignRole(ctx, { incidentId: id, role, userId: 'mia' });
    await pass(6);
    await haveIt(as('mia'), { incidentId: id, clock: 'public' });
    await pass(1);
    await say(id, { status: 'investigating', nextUpdateBy: '2026-11-20T14:37:00.000Z' });
    await pass(1);
    expect(eventsOf(pager)).toEqual([
      'trigger [SEV1] First public update due by 14:05 UTC: Checkout is failing',
      'trigger [SEV1] First public update due by 14:05 UTC: Checkout is failing',
      'trigger [SEV1] First public update due now, 14:05 UTC: Checkout is failing',
      'acknowledge',
      'resolve',
    ]);
    const [first, , , acknowledged, resolved] = pager.calls.map(({ json }) => json);
    expect(first).toEqual({
      routing_key: KEY,
      event_action: 'trigger',
      dedup_key: `foghorn-${id}-public`,
      client: 'Foghorn',
      client_url: 'https://status.example.com/admin',
      payload: {
        summary: '[SEV1] First public update due by 14:05 UTC: Checkout is failing',
        source: 'status.example.com',
        severity: 'critical',
        timestamp: '2026-11-20T14:00:00.000Z',
        component: 'public update',
        group: 'Harbour',
        class: 'first',
        custom_details: {
          incident: id,
          severity: 'SEV1',
          declared_at: '2026-11-20T14:00:00.000Z',
          due_at: '2026-11-20T14:05:00.000Z',
          what: 'Visitors have been told nothing yet. Open since 14:00 UTC.',
          called: 'Mia',
        },
      },
      links: [
        {
          href: `https://status.example.com/admin/incidents/${id}/next`,
          text: 'Post it, or say “I have it”',
        },
      ],
    });
    for (const event of [acknowledged, resolved])
      expect(event).toEqual({
        routing_key: KEY,
        event_action: event.event_action,
        dedup_key: first.dedup_key,
        client: 'Foghorn',
        client_url: 'https://status.example.com/admin',
      });
    // A pager's key is no signature.
    expect(pager.calls[0]?.headers).not.toHaveProperty('webhook-signature');
    expect(pager.calls.map(({ path }) => path)).toEqual(Array(5).fill('/v2/enqueue'));

    // The next word: a reminder for the room alone, then both; the incident's end ends it.
    await pass(30);
    expect(eventsOf(pager).slice(5)).toEqual([
      // The internal clock has one of its own.
      'trigger [SEV1] Internal update due now, 14:15 UTC: Checkout is failing',
      'trigger [SEV1] Late: internal update was due 14:15 UTC: Checkout is failing',
      'trigger [SEV1] Public update due now, 14:37 UTC: Checkout is failing',
    ]);
    const headings = room.calls.map(({ json }) => json.blocks[0].text.text);
    expect(headings).toContain('[SEV1] Public update due by 14:37 UTC');
    expect(headings).toHaveLength(7);
    expect(room.calls[0]?.json.blocks.at(-2).text.text).toBe(
      `<https://status.example.com/admin/incidents/${id}/next|Post it, or say “I have it”>`,
    );
    await say(id, { status: 'resolved', reason: 'It works again.' });
    await pass(1);
    expect(pager.calls.slice(8).map(({ json }) => `${json.event_action} ${json.dedup_key}`)).toEqual([
      `resolve foghorn-${id}-internal`,
      `resolve foghorn-${id}-public`,
    ]);
    await pass(30);
    expect(pager.calls).toHaveLength(10);
  });

  it('wakes again once “I have it” has run out, and leaves nothing open at the pager when the word is said', async () => {
    const { server, add, declare, say, pass, as, ctx } = await placeHouse(fresh, ends);
    const [pager, spare] = [await server(), await server()];
    await add({ url: `${pager.url}/` });
    const { id } = await declare();
    const have = () => haveIt(as('mia'), { incidentId: id, clock: 'public' });
    await pass(6);
    await have();
    await pass(1);
    // This one has heard nothing yet, so for it the next call is the first.
    await add({ name: 'Spare', url: `${spare.url}/` });
    const ofPublic = (receiver: Receiver) => alertsOf(receiver, `foghorn-${id}-public`);
    expect(ofPublic(pager)).toEqual({ rang: 1, open: [`foghorn-${id}-public acknowledged`] });
    await pass(19);
    expect(ofPublic(pager)).toEqual({
      rang: 2,
      open: [`foghorn-${id}-public acknowledged`, `foghorn-${id}-public-2 triggered`],
    });
    expect(ofPublic(spare)).toEqual({ rang: 1, open: [`foghorn-${id}-public triggered`] });
    // What comes every five minutes until someone says so is one matter to the pager.
    await pass(5);
    expect(ofPublic(pager).rang).toBe(2);
    await have();
    await pass(20);
    expect(ofPublic(pager)).toEqual({
      rang: 3,
      open: [
        `foghorn-${id}-public acknowledged`,
        `foghorn-${id}-public-2 acknowledged`,
        `foghorn-${id}-public-3 triggered`,
      ],
    });
    await say(id, { status: 'investigating', nextUpdateBy: addMs(ctx.now(), 30 * MINUTE) });
    await pass(1);
    expect(ofPublic(pager)).toEqual({ rang: 3, open: [] });
    expect(ofPublic(spare).open).toEqual([]);
    const ended = pager.calls.filter(({ json }) => json.event_action === 'resolve');
    expect(ended.filter(({ json }) => json.dedup_key.includes('-public'))).toHaveLength(3);
    // The next promise begins anew, and ends.
    await pass(35);
    expect(ofPublic(pager)).toEqual({ rang: 4, open: [`foghorn-${id}-public triggered`] });
    await say(id, { status: 'resolved', reason: 'It works again.' });
    await pass(1);
    expect(alertsOf(pager).open).toEqual([]);
  });

  it('wakes again once and ends all of it once, whoever is killed when and however many look', async () => {
    const { server, add, declare, say, pass, as, ctx, tick, db, transport, clock, words } = await placeHouse(
      fresh,
      ends,
    );
    const pager = await server();
    await add({ url: `${pager.url}/` });
    const { id } = await declare();
    await pass(6);
    await haveIt(as('mia'), { incidentId: id, clock: 'public' });
    await pass(18);
    ctx.clock.advance(2 * MINUTE);
    const other = { ...ctx, newId: () => `other${ctx.newId().slice(5)}` };
    const publicWords = async () => (await words()).filter((word) => word.startsWith('public'));
    const before = (await publicWords()).length;
    await Promise.all([callStaff(ctx), callStaff(other), callStaff(ctx)]);
    expect((await publicWords()).slice(before)).toEqual(['public trigger queued']);
    /** Killed after the event was taken and before that was written down. */
    const killed = async () => {
      const heard = pager.calls.length;
      const { engine } = await rigEngine(db, transport, { clock, owner: `gone:1:${heard}` });
      while (await engine.round());
      await pager.called(heard + 1);
      clock.advance(LEASE_MS + 1);
    };
    await killed();
    await tick();
    const ofPublic = () => alertsOf(pager, `foghorn-${id}-public`);
    expect(ofPublic().rang).toBe(2);
    await say(id, { status: 'investigating' });
    await Promise.all([followUpCalls(ctx), followUpCalls(other), followUpCalls(ctx)]);
    await killed();
    await tick();
    expect(ofPublic()).toEqual({ rang: 2, open: [] });
    expect((await publicWords()).slice(before)).toEqual([
      'public trigger accepted',
      'public resolve accepted',
    ]);
  });

  it('calls once, however many processes look and whatever restarts', async () => {
    const { server, add, declare, ctx, drain, db, transport, clock } = await placeHouse(fresh, ends);
    const pager = await server();
    await add({ url: `${pager.url}/` });
    await declare();
    const other = { ...ctx, newId: () => `other${ctx.newId().slice(5)}` };
    // Cut off within the transaction: neither the call nor anything that it promised is there.
    const torn = {
      ...ctx,
      newId: () => {
        throw new Error('cut off');
      },
    };
    await expect(callStaff(torn)).rejects.toThrow('cut off');
    const counts = async () =>
      db.read(async (tx) => ({
        calls: (await tx.selectFrom('calls').selectAll().execute()).length,
        deliveries: (await tx.selectFrom('deliveries').selectAll().where('lane', '=', 'hook').execute())
          .length,
        words: (await tx.selectFrom('paging_words').selectAll().execute()).length,
      }));
    expect(await counts()).toEqual({ calls: 0, deliveries: 0, words: 0 });
    await Promise.all([callStaff(ctx), callStaff(other), callStaff(ctx)]);
    expect(await counts()).toEqual({ calls: 1, deliveries: 1, words: 1 });

    // Killed after the call was made and before its answer was written down: the next one asks again, by the same key.
    await rigEngine(db, transport, { clock, owner: 'gone:1:1' }).then(async ({ engine }) => {
      await engine.round();
      await pager.called(1);
    });
    clock.advance(LEASE_MS + 1);
    await drain();
    expect(pager.calls.map(({ body }) => body)).toEqual([pager.calls[0]?.body, pager.calls[0]?.body]);
    expect(await counts()).toEqual({ calls: 1, deliveries: 1, words: 1 });
  });

  it('ends what it began, in order, when the pager was away meanwhile', async () => {
    const { server, add, declare, say, tick, words, ctx } = await placeHouse(fresh, ends);
    const pager = await server();
    await add({ url: `${pager.url}/` });
    const { id } = await declare({ severity: 'SEV2' });
    pager.answer = (_call, response) => response.writeHead(503).end();
    await tick();
    expect(await words()).toEqual(['public trigger queued']);
    await say(id, { status: 'investigating' });
    pager.answer = (_call, response) => response.writeHead(202).end();
    ctx.clock.advance(MINUTE);
    const other = { ...ctx, newId: () => `other${ctx.newId().slice(5)}` };
    await Promise.all([followUpCalls(ctx), followUpCalls(other), followUpCalls(ctx)]);
    await tick();
    // The call was tried, so the pager may have it; it is not made again.
    expect(await words()).toEqual(['public trigger superseded', 'public resolve accepted']);
    expect(pager.calls.map(({ json }) => json.event_action)).toEqual(['trigger', 'resolve']);
  });

  it('says nothing of a call that never left', async () => {
    const { server, add, declare, say, ctx, drain, words, as } = await placeHouse(fresh, ends);
    const pager = await server();
    await add({ url: `${pager.url}/` });
    const { id } = await declare();
    await callStaff(ctx);
    await haveIt(as('mia'), { incidentId: id, clock: 'public' });
    await followUpCalls(ctx);
    await drain();
    expect(await words()).toEqual(['public trigger superseded']);
    await say(id, { status: 'investigating' });
    await followUpCalls(ctx);
    await drain();
    expect(pager.calls).toEqual([]);
    // Nothing is left to look after.
    expect(await followUpCalls(ctx)).toBe(0);
  });

  it('holds back what follows a call that is on the wire: another call, and its end', async () => {
    const { server, add, declare, say, ctx, engine, drain, words } = await placeHouse(fresh, ends);
    const pager = await server();
    await add({ url: `${pager.url}/` });
    const { id } = await declare();
    let answer = () => {};
    pager.answer = (_call, response) => {
      answer = () => response.writeHead(202).end();
    };
    await callStaff(ctx);
    await engine.round();
    await pager.called(1);
    // Another room hears of the next call at once: it waits for nobody else.
    const room = await server();
    await add({ channel: 'slack', name: 'room', url: `${room.url}/`, calls: 'all' });
    ctx.clock.advance(3 * MINUTE);
    await callStaff(ctx);
    while (await engine.round());
    await room.called(1);
    expect((await words()).slice(0, 2)).toEqual(['public trigger in_batch', 'public trigger queued']);
    await say(id, { status: 'investigating' });
    await followUpCalls(ctx);
    while (await engine.round());
    expect((await words()).slice(0, 2)).toEqual(['public trigger in_batch', 'public trigger superseded']);
    expect(pager.calls).toHaveLength(1);
    pager.answer = (_call, response) => response.writeHead(202).end();
    answer();
    await drain();
    await followUpCalls(ctx);
    await drain();
    expect(pager.calls.map(({ json }) => json.event_action)).toEqual(['trigger', 'resolve']);
  });

  it('makes the newer call at once when the one on the wire fails, in place of that one later', async () => {
    const { server, add, declare, ctx, engine, drain, words } = await placeHouse(fresh, ends);
    const pager = await server();
    await add({ url: `${pager.url}/` });
    await declare();
    let fail = () => {};
    pager.answer = (_call, response) => {
      fail = () => response.writeHead(503).end();
    };
    await callStaff(ctx);
    await engine.round();
    await pager.called(1);
    ctx.clock.advance(5 * MINUTE);
    await callStaff(ctx);
    const ofPublic = async () => (await words()).filter((word) => word.startsWith('public'));
    expect(await ofPublic()).toEqual(['public trigger in_batch', 'public trigger queued']);
    pager.answer = (_call, response) => response.writeHead(202).end();
    fail();
    await drain();
    expect(await ofPublic()).toEqual(['public trigger superseded', 'public trigger accepted']);
  });

  it('overtakes news for many: room is kept for it even where every receiver is slow to answer', async () => {
    const house = await placeHouse(fresh, ends, { timeoutMs: 100_000 });
    const { server, add, declare, say, ctx, engine, drain, db } = house;
    const [slow, pager] = [await server(), await server()];
    const held: (() => void)[] = [];
    slow.answer = (_call, response) => held.push(() => response.writeHead(204).end());
    for (let nth = 0; nth < 80; nth++)
      await addHookSubscriber(ctx, {
        channel: 'webhook',
        url: `http://host${nth}.example:${slow.port}/`,
        name: null,
        owner: 'o@example.com',
      });
    await add({ url: `${pager.url}/` });
    const { id } = await declare({ severity: 'SEV3', title: 'For many', components: [] });
    await say(id, { status: 'investigating', notify: true });
    ctx.clock.advance(HOUR);
    await expandAll(db, ctx.clock.now);
    while (await engine.round());
    await slow.called(1);
    while (await engine.round());
    const begun = engine.inFlight().length;
    expect(begun).toBeGreaterThan(40);
    expect(begun).toBeLessThan(64);
    await declare();
    await callStaff(ctx);
    while (await engine.round());
    await pager.called(1);
    // None of the others has its answer yet, and some have not begun.
    expect(slow.calls.length).toBeLessThanOrEqual(begun);
    expect(held).toHaveLength(slow.calls.length);
    slow.answer = (_call, response) => response.writeHead(204).end();
    for (const answer of held) answer();
    await drain();
    expect(slow.calls).toHaveLength(80);
  });

  it('calls nobody there of what is restricted, nor of a drill', async () => {
    const { server, add, declare, ctx, pass, db } = await placeHouse(fresh, ends);
    const pager = await server();
    await add({ url: `${pager.url}/`, calls: 'all', severities: ['SEV1', 'SEV2', 'SEV3', 'SEV4'] });
    for (const channel of ['slack', 'teams', 'discord'] as const)
      await add({ channel, name: channel, url: `${pager.url}/${channel}`, calls: 'all' });
    const { seq: sealed } = await declare({ title: 'A key lay open' });
    const { seq: drill } = await declare({ title: 'Practice' });
    await db.write(async (tx) => {
      await tx.updateTable('incidents').set({ restricted: 1 }).where('seq', '=', sealed).execute();
      await tx.updateTable('incidents').set({ drill: 1 }).where('seq', '=', drill).execute();
      for (const incident_seq of [sealed, drill])
        await tx
          .insertInto(incident_seq === sealed ? 'incident_viewers' : 'drill_people')
          .values({ incident_seq, user_id: 'mia', added_at: ctx.now(), added_label: 'test' })
          .execute();
    });
    await pass(20);
    const made = await db.read((tx) => tx.selectFrom('calls').select('incident_seq').execute());
    expect(new Set(made.map((call) => call.incident_seq))).toEqual(new Set([sealed, drill]));
    expect(pager.calls).toEqual([]);
    expect(
      await db.read((tx) => tx.selectFrom('deliveries').selectAll().where('lane', '=', 'hook').execute()),
    ).toEqual([]);
  });

  it('goes by the severities of each place, also when nobody can be mailed', async () => {
    const { server, add, declare, tick, db } = await placeHouse(fresh, ends);
    const [pager, room] = [await server(), await server()];
    await add({ url: `${pager.url}/`, severities: ['SEV1'] });
    await add({ channel: 'discord', name: 'room', url: `${room.url}/`, severities: ['SEV2'], calls: 'all' });
    await db.write((tx) =>
      tx.updateTable('users').set({ disabled_at: '2026-01-01T00:00:00.000Z' }).execute(),
    );
    await declare({ severity: 'SEV2', title: '@everyone <!channel> **bold**' });
    await tick();
    expect(pager.calls).toEqual([]);
    expect(room.calls).toHaveLength(1);
    const [{ json }] = room.calls as [(typeof room.calls)[number]];
    const { allowed_mentions, embeds } = json;
    expect(allowed_mentions).toEqual({ parse: [] });
    expect(embeds[0].description).toContain('\\@everyone \\<\\!channel\\> \\*\\*bold\\*\\*');
  });

  it('takes a fault of the setting for what it is, without trying again, and tells no key', async () => {
    const { server, add, declare, tick, db, ctx, logged } = await placeHouse(fresh, ends);
    const pager = await server();
    await add({ url: `${pager.url}/` });
    pager.answer = (_call, response) =>
      response.writeHead(400).end(
        JSON.stringify({
          status: 'invalid event',
          message: 'Event object is invalid',
          errors: [`Length of 'routing_key' is incorrect: ${KEY}`],
        }),
      );
    await declare();
    await tick();
    ctx.clock.advance(MINUTE);
    await tick();
    expect(pager.calls).toHaveLength(1);
    const [delivery] = await db.read((tx) =>
      tx.selectFrom('deliveries').selectAll().where('lane', '=', 'hook').execute(),
    );
    expect(delivery).toMatchObject({
      state: 'refused',
      reason:
        "It answered 400 Bad Request: Event object is invalid. Length of 'routing_key' is incorrect: ….",
    });
    expect(JSON.stringify(logged)).not.toContain(KEY);
  });

  it('rests when it fails for long, tells its owner once, and ends what was open once it may go on', async () => {
    const { server, add, declare, say, pass, owner, db, words } = await placeHouse(fresh, ends);
    const pager = await server();
    const id = await add({ url: `${pager.url}/`, calls: 'all' });
    const incident = await declare();
    await pass(1);
    expect(pager.calls).toHaveLength(1);
    pager.answer = (_call, response) => response.writeHead(500).end();
    await pass(40);
    const tried = pager.calls.length;
    await pass(10);
    expect(pager.calls).toHaveLength(tried);
    const told = await db.read((tx) =>
      tx
        .selectFrom('notices as n')
        .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['r.address', 'r.name', 'n.text'])
        .where('n.subject', '=', 'Staff are no longer called at “On-call”')
        .execute(),
    );
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ address: 'otto@example.com', name: 'Otto' });
    expect(told[0]?.text).toContain('The last call: It answered 500 Internal Server Error.');
    expect(told[0]?.text).toContain(`/admin/settings/paging/${id}`);
    await say(incident.id, { status: 'resolved', reason: 'It works again.' });
    pager.answer = (_call, response) => response.writeHead(202).end();
    await pass(1);
    expect(pager.calls).toHaveLength(tried);
    await resumePagingPlace(owner, id);
    await pass(1);
    const last = pager.calls.slice(tried).map(({ json }) => `${json.event_action} ${json.dedup_key}`);
    expect(last).toContain(`resolve foghorn-${incident.id}-public`);
    expect(last.every((one) => one.startsWith('resolve'))).toBe(true);
    expect((await words()).filter((one) => one.endsWith('queued'))).toEqual([]);
  });

  it('is told of by https alone, at public addresses, unless the installation allows its own network', async () => {
    const { owner, add } = await placeHouse(fresh, ends);
    const place = {
      channel: 'pager' as const,
      name: 'Other',
      owner: 'otto@example.com',
      severities: ['SEV1' as const],
      calls: 'all' as const,
      routingKey: 'another',
    };
    const outside = (address: string) => ({
      ...owner,
      hooks: { allowHttp: true, allowPrivate: false, resolve: async () => [address] },
    });
    await expect(
      addPagingPlace(outside('93.184.215.14'), { ...place, url: 'http://pager.example/' }),
    ).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('Only https://') });
    await expect(
      addPagingPlace(outside('169.254.169.254'), { ...place, url: 'https://pager.example/' }),
    ).rejects.toMatchObject({ code: 'invalid' });
    await addPagingPlace(outside('93.184.215.14'), { ...place, url: '' });
    await add({ url: 'http://pager.example/' });
    expect((await listPagingPlaces(owner)).map(({ shown }) => shown)).toEqual([
      'https://events.pagerduty.com/v2/enqueue',
      'http://pager.example/',
    ]);
  });

  it('calls nobody at a place that was removed, and forgets its secrets', async () => {
    const { server, add, declare, ctx, owner, drain, db, words, tick } = await placeHouse(fresh, ends);
    const pager = await server();
    const id = await add({ url: `${pager.url}/secret-path` });
    await declare();
    await callStaff(ctx);
    await removePagingPlace(owner, id);
    await drain();
    await tick();
    expect(pager.calls).toEqual([]);
    expect(await words()).toEqual(['public trigger suppressed']);
    const rows = JSON.stringify(await db.read((tx) => tx.selectFrom('recipients').selectAll().execute()));
    expect(rows).not.toContain('secret-path');
    expect(rows).not.toContain(KEY);
  });
});
