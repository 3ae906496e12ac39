import { afterEach, expect, it } from 'vitest';
import type { Hooks } from '#db/context.ts';
import { hookTransport } from '#delivery/transports/hook.ts';
import { HOOK_CHANNELS, type HookChannel } from '#domain/hooks.ts';
import { MINUTE } from '#domain/time.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { editUpdate, getIncident } from '#services/incidents.ts';
import { incidentHouse } from '../services/incidentHouse.ts';
import { eachDatabase } from '../support/databases.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { makeSubscribers } from '../support/people.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { expandAll, rigEngine, SITE } from './support.ts';

const OPEN: Hooks = { allowHttp: true, allowPrivate: true, resolve: async () => ['127.0.0.1'] };
const WRONG = 'All payments in the world fail.';
const RIGHT = 'Card payments in Europe fail.';
const ONE = 'The first thing that we know.';
const TWO = 'The second thing that we know.';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

type Told = {
  incident?: { incident_updates: { body: string; status: string }[] };
  component_update?: { component_id: string; old_status: string; new_status: string };
};

eachDatabase('what receivers read of it', (fresh) => {
  /** One receiver of each channel, and a mailbox whose mail waits for as long as nobody sends it. */
  async function house({ waits = true } = {}) {
    const home = await incidentHouse(fresh);
    await setReleaseSeconds(home.db, 0);
    if (waits) await makeSubscribers(home.db, 1);
    const ctx = { ...home.ctx, hooks: OPEN };
    const transport = hookTransport({ rules: OPEN, resolve: OPEN.resolve, siteUrl: SITE });
    ends.push(transport.close);
    const rig = await rigEngine(home.db, transport, { clock: ctx.clock });
    const servers = new Map<HookChannel, Receiver>();
    for (const channel of HOOK_CHANNELS) {
      const server = await startReceiver();
      ends.push(server.close);
      servers.set(channel, server);
      await addHookSubscriber(ctx, { channel, url: `${server.url}/in`, name: null, owner: 'o@example.com' });
    }
    const leave = async () => {
      ctx.clock.advance(MINUTE);
      await expandAll(home.db, ctx.now);
      await rig.drain();
      // What is through is noted as such.
      await expandAll(home.db, ctx.now);
    };
    const edit = async (
      id: string,
      body: string,
      { wrong, index = 0 }: { wrong: string; index?: number },
    ) => {
      const update = (await getIncident(ctx, id)).updates[index]!;
      const { id: updateId, scope, affected, workaround, estimate } = update;
      const text = { body, scope, affected, workaround, estimate };
      return editUpdate(ctx, { updateId, ...text, notify: true, wrong });
    };
    const heard = (channel: HookChannel) => servers.get(channel)!.calls.map((call) => call.json as Told);
    /** All that a chat was told by its newest call, as text. */
    const last = (channel: HookChannel) => JSON.stringify(heard(channel).at(-1)).replaceAll('\\\\', '');
    return { ...home, ctx, leave, edit, heard, last };
  }
  const chats = HOOK_CHANNELS.filter((channel) => channel !== 'webhook');

  it('a text that was wrong is corrected by name, with what was wrong, once', async () => {
    const { declare, say, leave, edit, heard, last } = await house();
    const { id } = await declare();
    await say(id, { body: WRONG, notify: true });
    await leave();
    for (const channel of chats) expect(last(channel)).not.toContain('Correction');
    await edit(id, RIGHT, { wrong: 'Only cards in Europe are affected' });
    await leave();
    for (const channel of chats) {
      expect(heard(channel), channel).toHaveLength(2);
      expect(last(channel), channel).toContain('Correction: Checkout is failing');
      expect(last(channel), channel).toContain(
        'What we wrote at 14:00 UTC was not right. Only cards in Europe are affected. This is right:',
      );
      expect(last(channel), channel).toContain(RIGHT);
      // As its mail: what it did to components was right.
      expect(last(channel), channel).not.toContain('Major outage');
    }
    // The incident as it is, and no component as if it had changed again.
    const [first, component, corrected, ...more] = heard('webhook');
    expect(first?.incident?.incident_updates[0]?.body).toContain(WRONG);
    expect(component?.component_update).toBeDefined();
    expect(more).toEqual([]);
    expect(corrected?.incident?.incident_updates).toHaveLength(1);
    expect(corrected?.incident?.incident_updates[0]?.body).toMatch(
      /^Correction: What we wrote at 14:00 UTC was not right\. Only cards in Europe are affected\. This is right:\r\n\r\nCard payments in Europe fail\./,
    );
  });

  it('a text that is put right once all of it has left is marked as corrected, in every shape', async () => {
    const { declare, say, leave, edit, heard, last } = await house({ waits: false });
    const { id } = await declare();
    await say(id, { body: WRONG, notify: true });
    await leave();
    await edit(id, RIGHT, { wrong: 'Only cards in Europe are affected' });
    await leave();
    for (const channel of chats)
      expect(last(channel), channel).toContain('Investigating, corrected: Checkout is failing');
    expect(heard('webhook').findLast((call) => call.incident)?.incident?.incident_updates[0]?.body).toMatch(
      /^Investigating, corrected\.\r\n\r\nCard payments in Europe fail\./,
    );
  });

  it('a webhook finds the words at the update that they are about, not at a newer one', async () => {
    const { declare, say, leave, edit, heard } = await house();
    const { id } = await declare();
    await say(id, { body: WRONG, notify: true });
    await leave();
    await say(id, { status: 'identified', body: TWO, notify: true });
    await leave();
    await edit(id, RIGHT, { wrong: 'It was worse', index: 1 });
    await leave();
    const [newest, mended] = heard('webhook').at(-1)?.incident?.incident_updates ?? [];
    expect(newest?.body).not.toContain('Correction');
    expect(mended?.body).toMatch(/^Correction: .* It was worse\. This is right:\r\n\r\nCard payments/);
  });

  it('what was said while they were not told is said with what is newer, and what it did to components', async () => {
    const { declare, say, leave, heard, last, checkout, cart } = await house();
    const { id } = await declare();
    await say(id, { body: ONE, notify: true });
    await say(id, {
      status: 'identified',
      body: TWO,
      components: [{ id: cart.id, status: 'partial_outage' }],
      notify: true,
    });
    await leave();
    for (const channel of chats) {
      expect(heard(channel), channel).toHaveLength(1);
      const said = last(channel);
      expect(said.indexOf('What you missed'), channel).toBeGreaterThan(said.indexOf(TWO));
      expect(said.indexOf('Investigating, 14:00 UTC'), channel).toBeGreaterThan(said.indexOf(TWO));
      expect(said.indexOf(ONE), channel).toBeGreaterThan(said.indexOf('What you missed'));
    }
    const [first, ...components] = heard('webhook');
    expect(first?.incident?.incident_updates.map(({ body }) => body.split('\r\n')[0])).toEqual([TWO, ONE]);
    const changed = components.map(({ component_update: one }) => [
      one?.component_id,
      one?.old_status,
      one?.new_status,
    ]);
    expect(changed.sort()).toEqual(
      [
        [checkout.id, 'operational', 'major_outage'],
        [cart.id, 'operational', 'partial_outage'],
      ].sort(),
    );
  });

  it('what was missed stands there in its mended words, too', async () => {
    const { declare, say, leave, edit, last } = await house();
    const { id } = await declare();
    await say(id, { body: WRONG, notify: true });
    await say(id, { status: 'identified', body: TWO, notify: true });
    await edit(id, RIGHT, { wrong: 'It was worse', index: 1 });
    await leave();
    for (const channel of HOOK_CHANNELS.filter((one) => one !== 'webhook')) {
      expect(last(channel), channel).not.toContain(WRONG);
      expect(last(channel).indexOf(RIGHT), channel).toBeGreaterThan(last(channel).indexOf('What you missed'));
      expect(last(channel), channel).not.toContain('Correction');
    }
  });

  it('who was told in time is told nothing twice', async () => {
    const { declare, say, leave, heard, last } = await house();
    const { id } = await declare();
    await say(id, { body: ONE, notify: true });
    await leave();
    await say(id, { status: 'identified', body: TWO, notify: true });
    await leave();
    for (const channel of chats) expect(last(channel), channel).not.toContain('What you missed');
    expect(heard('webhook').filter((call) => call.component_update)).toHaveLength(1);
  });
});
