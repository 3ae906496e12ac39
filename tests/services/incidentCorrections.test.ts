import { expect, it } from 'vitest';
import { setManualStatus } from '#services/components.ts';
import * as incidents from '#services/incidents.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident } from '../support/factory.ts';
import { incidentHouse } from './incidentHouse.ts';

/** Putting right what was said. The clock starts at 14:00. */
eachDatabase('corrections', (fresh) => {
  const house = () => incidentHouse(fresh);

  it('refuses an edit that changes nothing', async () => {
    const { ctx, declare, say, get, version } = await house();
    const { id } = await declare();
    const { updateId } = await say(id);
    const before = await version();
    const text = {
      body: 'We are looking into it.',
      scope: null,
      affected: null,
      workaround: null,
      estimate: null,
    };
    await expect(incidents.editUpdate(ctx, { updateId, ...text, notify: true })).rejects.toMatchObject({
      code: 'invalid',
    });
    expect((await get(id)).updates[0]).toMatchObject({ editedAt: null, edits: [] });
    expect(await version()).toBe(before);
  });

  it('corrects the scope beside the title with the update that said it', async () => {
    const { ctx, declare, say, get, audit } = await house();
    const { id } = await declare();
    const { updateId } = await say(id, { scope: 'EU olny' });
    const text = { body: 'We are looking into it.', affected: null, workaround: null, estimate: null };
    await incidents.editUpdate(ctx, { updateId, ...text, scope: 'EU only', notify: false });
    expect((await get(id)).scope).toBe('EU only');
    expect((await audit()).at(-1)).toBe('incident.editUpdate');
  });

  it('leaves everything alone when title and times are the same, to the minute that a form shows', async () => {
    const { ctx, declare, say, get, version, claims } = await house();
    ctx.clock.set('2026-11-20T14:00:27.123Z');
    const { id } = await declare();
    await say(id);
    const [before, page, held] = [await get(id), await version(), await claims()];
    await incidents.changeTitle(ctx, { incidentId: id, version: before.version, title: before.title });
    const minute = '2026-11-20T14:00:00.000Z';
    await incidents.setIncidentTimes(ctx, {
      incidentId: id,
      version: before.version,
      startedAt: minute,
      detectedAt: minute,
      mitigatedAt: null,
    });
    expect([await get(id), await version(), await claims()]).toEqual([before, page, held]);
  });

  it('never leaves a claim from before the start', async () => {
    const { ctx, at, checkout, cart, declare, say, claims, get } = await house();
    const { id } = await declare();
    await say(id);
    at('14:10');
    await say(id, {
      components: [
        { id: checkout.id, status: 'partial_outage' },
        { id: cart.id, status: 'degraded_performance' },
      ],
    });
    at('14:30');
    const set = async (startedAt: string) =>
      incidents.setIncidentTimes(ctx, {
        incidentId: id,
        version: (await get(id)).version,
        startedAt,
        detectedAt: null,
      });
    await set('2026-11-20T14:20:00.000Z');
    expect(await claims()).toEqual([
      [checkout.id, 'incident', 'partial_outage', '14:20', null],
      [cart.id, 'incident', 'degraded_performance', '14:20', null],
    ]);
  });

  it('weighs a new start against the times that stay', async () => {
    const { ctx, at, declare, say, get } = await house();
    const { id } = await declare();
    at('14:10');
    await say(id, { status: 'monitoring' });
    at('14:30');
    await say(id, { status: 'resolved' });
    at('15:00');
    const set = async (times: { startedAt?: string; detectedAt?: string; mitigatedAt?: string }) =>
      incidents.setIncidentTimes(ctx, { incidentId: id, version: (await get(id)).version, ...times });
    await expect(set({ startedAt: '2026-11-20T14:20:00.000Z' })).rejects.toMatchObject({
      problems: [{ field: 'detectedAt' }, { field: 'mitigatedAt' }],
    });
    await expect(set({ mitigatedAt: '2026-11-20T14:45:00.000Z' })).rejects.toMatchObject({
      problems: [{ field: 'mitigatedAt' }],
    });
  });

  it('never turns a person’s own, worse word milder', async () => {
    const { ctx, at, checkout, declare, say, claims } = await house();
    await setManualStatus(ctx, checkout.id, 'major_outage');
    const { id } = await declare();
    await say(id);
    at('14:10');
    await say(id, {
      status: 'resolved',
      reason: 'Nearly.',
      components: [{ id: checkout.id, status: 'degraded_performance' }],
    });
    expect(await claims()).toEqual([
      [checkout.id, 'manual', 'major_outage', '14:00', null],
      [checkout.id, 'incident', 'major_outage', '14:00', '14:10'],
    ]);
  });

  it('refuses a past in which a component is named twice, and claims nothing past its end', async () => {
    const { ctx, checkout, cart, claims } = await house();
    const on = (hours: string) => `2026-11-18T${hours}:00.000Z`;
    const past = {
      title: 'Checkout was slow',
      severity: 'SEV3',
      startedAt: on('10:00'),
      resolvedAt: on('11:00'),
      components: [{ id: checkout.id, status: 'degraded_performance' }],
      updates: [
        {
          status: 'identified',
          body: 'Late.',
          postedAt: on('11:30'),
          components: [
            { id: checkout.id, status: 'partial_outage' },
            { id: cart.id, status: 'partial_outage' },
          ],
        },
        { status: 'resolved', body: 'Over.', postedAt: on('12:00') },
      ],
    } satisfies incidents.BackfillInput;
    const twice = [...past.components, ...past.components];
    await expect(incidents.backfillIncident(ctx, { ...past, components: twice })).rejects.toMatchObject({
      problems: [{ field: 'components' }],
    });
    const [first, last] = past.updates;
    await expect(
      incidents.backfillIncident(ctx, {
        ...past,
        updates: [{ ...first, components: twice }, last] as incidents.BackfillInput['updates'],
      }),
    ).rejects.toMatchObject({ problems: [{ field: 'updates.0' }] });
    await incidents.backfillIncident(ctx, past);
    expect(await claims()).toEqual([[checkout.id, 'incident', 'degraded_performance', '10:00', '11:00']]);
  });

  it('says of a component what holds while the incident was open, not between its end and its reopening', async () => {
    const { ctx, at, cart, checkout, declare, say, get, claims } = await house();
    const { id } = await declare();
    await say(id);
    at('14:30');
    await say(id, { status: 'resolved', reason: 'Back.' });
    at('16:00');
    await say(id, { status: 'investigating' });
    at('16:10');
    const correct = async (status: 'partial_outage' | 'operational') =>
      incidents.correctComponents(ctx, {
        incidentId: id,
        version: (await get(id)).version,
        components: [
          { id: cart.id, status },
          { id: checkout.id, status: 'operational' },
        ],
      });
    await correct('partial_outage');
    expect(await claims()).toEqual([
      [cart.id, 'incident', 'partial_outage', '14:00', '14:30'],
      [cart.id, 'incident', 'partial_outage', '16:00', null],
    ]);
    at('16:30');
    await say(id, { status: 'resolved', reason: 'Back.' });
    expect((await get(id)).resolvedAt).toBe(ctx.now());
    await correct('operational');
    expect(await claims()).toEqual([]);
    await correct('partial_outage');
    expect(await claims()).toEqual([
      [cart.id, 'incident', 'partial_outage', '14:00', '14:30'],
      [cart.id, 'incident', 'partial_outage', '16:00', '16:30'],
    ]);
  });

  it('keeps a promise made by hand when an incident is taken into care', async () => {
    const { ctx, db, get, say } = await house();
    const { id } = await makeIncident(db, { has_cadence: 0, source: 'import' });
    const promised = '2026-11-20T14:20:00.000Z';
    await say(id, { nextUpdateBy: promised });
    await incidents.adoptIncident(ctx, { incidentId: id, version: 2 });
    expect(await get(id)).toMatchObject({ hasCadence: true, nextUpdateDue: promised });
    expect((await get(id)).internalDue).toBe('2026-11-20T14:15:00.000Z');
  });
});
