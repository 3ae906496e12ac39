import { describe, expect, it } from 'vitest';
import { MINUTE } from '#domain/time.ts';
import { archiveComponent, listComponents, setManualStatus, updateComponent } from '#services/components.ts';
import * as incidents from '#services/incidents.ts';
import { getPublicIncident } from '#services/publicHistory.ts';
import { getStatusPage } from '#services/publicPage.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident } from '../support/factory.ts';
import { makeSubscribers } from '../support/people.ts';
import { incidentHouse, time } from './incidentHouse.ts';

/** The rules that only show when things go another way than usual. The clock starts at 14:00. */
eachDatabase('rules of incidents', (fresh) => {
  const house = () => incidentHouse(fresh);

  describe('the clocks, when the severity changes inside', () => {
    it('never put off what visitors were promised', async () => {
      const { at, declare, say, get } = await house();
      const { id } = await declare();
      await say(id, { nextUpdateBy: '2026-11-20T14:20:00.000Z' });
      at('14:05');
      await say(id, { audience: 'internal', severity: 'SEV3' });
      expect(time((await get(id)).nextUpdateDue)).toBe('14:20');
      expect((await get(id)).internalDue).toBeNull();
    });

    it('leave time to write when the new pace would be due already', async () => {
      const { at, declare, say, get } = await house();
      const { id } = await declare({ severity: 'SEV2' });
      await say(id);
      at('14:50');
      await say(id, { audience: 'internal', severity: 'SEV1' });
      expect(time((await get(id)).nextUpdateDue)).toBe('14:55');
      expect(time((await get(id)).internalDue)).toBe('15:05');
    });

    it('follow the new severity freely while nobody outside knows', async () => {
      const { at, declare, say, get } = await house();
      const { id } = await declare();
      at('14:02');
      await say(id, { audience: 'internal', severity: 'SEV3' });
      expect(time((await get(id)).nextUpdateDue)).toBe('15:00');
      await say(id, { audience: 'internal', severity: 'SEV4' });
      expect((await get(id)).nextUpdateDue).toBeNull();
      await say(id, { audience: 'internal', severity: 'SEV1' });
      expect(time((await get(id)).nextUpdateDue)).toBe('14:07');
    });

    it('let nobody off who is late already, inside or outside', async () => {
      const { at, declare, say, get } = await house();
      const { id } = await declare();
      at('14:16');
      await say(id, { audience: 'internal', severity: 'SEV2' });
      expect(time((await get(id)).nextUpdateDue)).toBe('14:05');
      at('14:47');
      // A word outside is none inside, whatever it makes of the severity.
      await say(id, { severity: 'SEV1' });
      expect(time((await get(id)).internalDue)).toBe('14:46');
    });

    it('reach visitors at once, and are for those who may publish', async () => {
      const { ctx, declare, say, version } = await house();
      const { id } = await declare({ severity: 'SEV2' });
      await say(id, { audience: 'internal', severity: 'SEV3' }, ctx.as('responder'));
      await say(id);
      const before = await version();
      ctx.changes.length = 0;
      await expect(
        say(id, { audience: 'internal', severity: 'SEV1' }, ctx.as('responder')),
      ).rejects.toMatchObject({ code: 'forbidden' });
      await say(id, { audience: 'internal' }, ctx.as('responder'));
      expect([await version(), ctx.changes]).toEqual([before, []]);
      await say(id, { audience: 'internal', severity: 'SEV1' });
      expect([await version(), ctx.changes]).toEqual([before + 1, ['page']]);
    });

    it('never stand still: a SEV2 owes visitors the time of the next update, a SEV4 does not', async () => {
      const { declare, say, get } = await house();
      const { id } = await declare({ severity: 'SEV2' });
      await expect(say(id, { nextUpdateBy: null })).rejects.toMatchObject({
        problems: [{ field: 'nextUpdateBy' }],
      });
      await say(id, { nextUpdateBy: null, severity: 'SEV4' });
      expect((await get(id)).nextUpdateDue).toBeNull();
    });

    it('all start anew with a reopening', async () => {
      const { at, declare, say, get } = await house();
      const { id } = await declare();
      await say(id);
      await say(id, { status: 'resolved', reason: 'Back.' });
      at('15:00');
      await say(id, { status: 'investigating' });
      expect(time((await get(id)).nextUpdateDue)).toBe('15:30');
      expect(time((await get(id)).internalDue)).toBe('15:15');
    });
  });

  describe('an incident that was only ever known inside', () => {
    it('can be resolved there: nothing shows, its claims end, nobody is told', async () => {
      const { ctx, db, at, checkout, declare, say, statusOf, claims, get, version } = await house();
      await makeSubscribers(db, 3);
      const { id } = await declare();
      const before = await version();
      at('14:10');
      await say(id, { audience: 'internal', status: 'resolved', notify: true }, ctx.as('responder'));
      expect(await get(id)).toMatchObject({
        status: 'resolved',
        publishedAt: null,
        nextUpdateDue: null,
        internalDue: null,
      });
      expect(await statusOf(checkout.id)).toBe('operational');
      expect(await claims()).toEqual([[checkout.id, 'incident', 'major_outage', '14:00', '14:10']]);
      expect((await getStatusPage(ctx)).past.flatMap((day) => day.incidents)).toEqual([]);
      await expect(getPublicIncident(ctx, id, 'incident')).rejects.toMatchObject({ code: 'not_found' });
      expect([await version(), ctx.changes]).toEqual([before, []]);
      expect(await db.read((tx) => tx.selectFrom('notices').selectAll().execute())).toEqual([]);
    });

    it('leaves no word on the page for what is still wrong when a responder resolves it there', async () => {
      const { ctx, checkout, declare, say, statusOf, claims } = await house();
      const { id } = await declare();
      const wrong = [{ id: checkout.id, status: 'partial_outage' as const }];
      await say(id, { audience: 'internal', status: 'resolved', components: wrong }, ctx.as('responder'));
      expect(await statusOf(checkout.id)).toBe('operational');
      expect((await claims()).filter(([, kind]) => kind === 'manual')).toEqual([]);
    });

    it('runs its first clock again when it is reopened there, and is new to visitors', async () => {
      const { at, checkout, declare, say, claims, get } = await house();
      const { id } = await declare();
      at('14:10');
      await say(id, { audience: 'internal', status: 'resolved' });
      at('14:30');
      await say(id, { audience: 'internal', status: 'investigating' });
      expect(time((await get(id)).nextUpdateDue)).toBe('14:35');
      await say(id);
      expect((await get(id)).updates[0]?.kind).toBe('initial');
      expect(await claims()).toEqual([
        [checkout.id, 'incident', 'major_outage', '14:00', '14:10'],
        [checkout.id, 'incident', 'major_outage', '14:30', null],
      ]);
    });

    it('claims what is first said from the start, and what changes from then on', async () => {
      const { at, checkout, cart, declare, say, claims } = await house();
      const { id } = await declare({ startedAt: '2026-11-20T13:30:00.000Z' });
      at('14:10');
      await say(id, {
        components: [
          { id: checkout.id, status: 'partial_outage' },
          { id: cart.id, status: 'degraded_performance' },
        ],
      });
      expect(await claims()).toEqual([
        [checkout.id, 'incident', 'major_outage', '13:30', '14:10'],
        [checkout.id, 'incident', 'partial_outage', '14:10', null],
        [cart.id, 'incident', 'degraded_performance', '13:30', null],
      ]);
    });

    it('gets a better title or other times without a new page', async () => {
      const { ctx, declare, get, version } = await house();
      const { id } = await declare();
      const before = await version();
      await incidents.changeTitle(ctx, { incidentId: id, version: 1, title: 'Payments fail' });
      await incidents.setIncidentTimes(ctx, {
        incidentId: id,
        version: 2,
        startedAt: '2026-11-20T13:30:00.000Z',
      });
      expect(await get(id)).toMatchObject({
        title: 'Payments fail',
        startedAt: '2026-11-20T13:30:00.000Z',
        version: 3,
      });
      expect([await version(), ctx.changes]).toEqual([before, []]);
    });

    it('has been watched, when it was in monitoring inside', async () => {
      const { at, declare, say, get } = await house();
      const { id } = await declare();
      await say(id, { audience: 'internal', status: 'monitoring' });
      at('14:15');
      await say(id, { status: 'resolved' });
      expect((await get(id)).status).toBe('resolved');
    });
  });

  it('never mails or shows what is a drill', async () => {
    const { ctx, db, say, version } = await house();
    await makeSubscribers(db, 3);
    const { id } = await makeIncident(db, { drill: 1 });
    const before = await version();
    const preview = await incidents.previewUpdate(ctx, {
      incidentId: id,
      version: 1,
      audience: 'public',
      status: 'investigating',
      body: 'Said.',
      components: [],
      notify: true,
    });
    expect(preview.told).toBe(0);
    const { updateId, told } = await say(id, { notify: true });
    expect(told).toBe(0);
    const text = { body: 'Better.', scope: null, affected: null, workaround: null, estimate: null };
    expect(await incidents.editUpdate(ctx, { updateId, ...text, notify: true })).toEqual({ told: 0 });
    expect(await version()).toBe(before);
    expect(ctx.changes).toEqual([]);
    expect(await db.read((tx) => tx.selectFrom('notices').selectAll().execute())).toEqual([]);
  });

  it('was not mitigated after all when it goes back from monitoring', async () => {
    const { at, declare, say, get } = await house();
    const { id } = await declare();
    await say(id, { status: 'monitoring' });
    at('14:10');
    await say(id, { status: 'identified' });
    expect((await get(id)).mitigatedAt).toBeNull();
    at('14:20');
    await say(id, { status: 'monitoring' });
    at('14:25');
    await say(id, { status: 'monitoring', holding: true });
    expect(time((await get(id)).mitigatedAt)).toBe('14:20');
  });

  it('takes a postmortem after its end, which keeps its times', async () => {
    const { ctx, db, at, checkout, declare, say, get } = await house();
    await makeSubscribers(db, 2, [{ kind: 'component', id: checkout.id }]);
    const { id } = await declare();
    await say(id);
    at('14:30');
    const { told: ofEnd } = await say(id, { status: 'resolved', reason: 'Back.', notify: true });
    at('16:00');
    const { told } = await say(id, { status: 'postmortem', body: 'What we learnt.', notify: true });
    expect([ofEnd, told]).toEqual([2, 2]);
    const over = await get(id);
    expect(over).toMatchObject({ status: 'postmortem', nextUpdateDue: null, internalDue: null });
    expect(time(over.resolvedAt)).toBe('14:30');
    expect(over.updates[0]?.kind).toBe('postmortem');
    await expect(say(id, { status: 'investigating' })).rejects.toMatchObject({
      problems: [{ field: 'status' }],
    });
    expect((await getPublicIncident(ctx, id, 'incident')).incident.status).toBe('postmortem');
  });

  it('tells those of a component that is well again of the end, but not of each step to it', async () => {
    const { db, checkout, cart, declare, say } = await house();
    await makeSubscribers(db, 2, [{ kind: 'component', id: checkout.id }]);
    await makeSubscribers(db, 4, [{ kind: 'component', id: cart.id }]);
    const { id } = await declare({
      components: [
        { id: checkout.id, status: 'major_outage' },
        { id: cart.id, status: 'major_outage' },
      ],
    });
    const well = { components: [{ id: cart.id, status: 'operational' }] } as const;
    expect((await say(id, { notify: true })).told).toBe(6);
    expect((await say(id, { notify: true, ...well })).told).toBe(6);
    expect((await say(id, { notify: true })).told).toBe(2);
    expect((await say(id, { notify: true, status: 'resolved', reason: 'Back.' })).told).toBe(6);
    expect((await say(id, { notify: true, status: 'investigating' })).told).toBe(6);
  });

  it('keeps what stands beside the title from what is said inside', async () => {
    const { declare, say, get } = await house();
    const { id } = await declare({ scope: 'EU only' });
    await say(id, { scope: 'EU and UK' });
    await say(id, { audience: 'internal', scope: 'probably everywhere' });
    expect((await get(id)).scope).toBe('EU and UK');
    await say(id);
    expect((await get(id)).scope).toBe('EU and UK');
    await say(id, { scope: null });
    expect((await get(id)).scope).toBeNull();
  });

  it('says what changed meanwhile: an update, or something else', async () => {
    const { ctx, at, declare, say, get } = await house();
    const { id } = await declare();
    await say(id);
    const { version } = await get(id);
    at('14:05');
    await incidents.changeTitle(ctx, { incidentId: id, version, title: 'Payments fail' });
    await expect(say(id, { version })).rejects.toMatchObject({
      code: 'conflict',
      message: 'Someone changed this incident while you were writing.',
    });
  });

  describe('components', () => {
    it('that are archived stay with the incident that holds them, and are not held anew', async () => {
      const { ctx, at, checkout, declare, say, claims, get } = await house();
      const { id } = await declare();
      await say(id);
      await archiveComponent(ctx, checkout.id);
      await expect(
        say(id, { components: [{ id: checkout.id, status: 'partial_outage' }] }),
      ).rejects.toMatchObject({ problems: [{ field: 'components' }] });
      at('14:10');
      await say(id, { status: 'resolved', reason: 'Back.' });
      await say(id, { status: 'investigating' });
      expect(await claims()).toEqual([[checkout.id, 'incident', 'major_outage', '14:00', '14:10']]);
      expect((await get(id)).updates[0]).toMatchObject({ kind: 'reopening', changes: [] });
    });

    it('hear a person’s own word once', async () => {
      const { ctx, at, cart, claims, audit, version } = await house();
      await setManualStatus(ctx, cart.id, 'partial_outage');
      const before = [await audit(), await version()];
      at('14:10');
      await setManualStatus(ctx, cart.id, 'partial_outage');
      expect([await audit(), await version()]).toEqual(before);
      at('14:20');
      await setManualStatus(ctx, cart.id, 'operational');
      expect(await claims()).toEqual([[cart.id, 'manual', 'partial_outage', '14:00', '14:20']]);
      expect(await version()).toBe((before[1] as number) + 1);
    });

    it('keep what a change leaves out', async () => {
      const { ctx, shop, cart } = await house();
      await updateComponent(ctx, cart.id, { name: 'Basket', groupId: undefined, showUptime: false });
      await updateComponent(ctx, cart.id, { name: 'Basket', showUptime: undefined });
      const of = async () =>
        (await listComponents(ctx)).flatMap((group) => group.components).find(({ id }) => id === cart.id);
      expect(await of()).toMatchObject({ name: 'Basket', groupId: shop.id, showUptime: false });
      await updateComponent(ctx, cart.id, { name: 'Basket', groupId: null });
      expect((await of())?.groupId).toBeNull();
    });
  });

  it('has an audit row for each deed, and none for what changed nothing', async () => {
    const { ctx, declare, audit } = await house();
    const { id } = await declare();
    const before = await audit();
    await incidents.endRole(ctx, { incidentId: id, role: 'scribe' });
    expect(await audit()).toEqual(before);
    ctx.clock.advance(MINUTE);
    await incidents.addLogEntry(ctx, { incidentId: id, body: 'The provider called back.' });
    expect((await audit()).slice(before.length)).toEqual(['incident.note']);
  });
});
