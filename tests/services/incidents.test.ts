import { describe, expect, it } from 'vitest';
import { getUser, insertUser } from '#db/users.ts';
import type { AppError } from '#domain/errors.ts';
import { HOUR, MINUTE, msBetween } from '#domain/time.ts';
import { createComponent, setManualStatus, updateComponent } from '#services/components.ts';
import * as incidents from '#services/incidents.ts';
import { getPublicIncident } from '#services/publicHistory.ts';
import { getStatusPage } from '#services/publicPage.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { incidentHouse } from './incidentHouse.ts';

eachDatabase('incidents', (fresh) => {
  const house = () => incidentHouse(fresh);

  describe('declare and publish', () => {
    it('keeps a declared incident and what it claims inside until its first public update', async () => {
      const { ctx, checkout, declare, say, statusOf } = await house();
      const { id } = await declare();
      expect(await statusOf(checkout.id)).toBe('major_outage');
      expect((await getStatusPage(ctx)).incidents).toEqual([]);
      await expect(getPublicIncident(ctx, id, 'incident')).rejects.toMatchObject({ code: 'not_found' });
      expect(ctx.changes).toEqual([]);

      ctx.clock.advance(4 * MINUTE);
      await say(id);
      const page = await getStatusPage(ctx);
      expect(page.incidents.map((incident) => incident.id)).toEqual([id]);
      expect(ctx.changes).toEqual(['page']);
    });

    it('runs the public clock from the declaration, then from each public update; the internal one apart', async () => {
      const { ctx, declare, say } = await house();
      const { id } = await declare();
      const declared = await incidents.getIncident(ctx, id);
      expect(msBetween(declared.declaredAt, declared.nextUpdateDue as string)).toBe(5 * MINUTE);
      expect(msBetween(declared.declaredAt, declared.internalDue as string)).toBe(15 * MINUTE);

      ctx.clock.advance(3 * MINUTE);
      await say(id, { audience: 'internal', body: 'Two payment providers are on the call.' });
      const after = await incidents.getIncident(ctx, id);
      expect(after.nextUpdateDue).toBe(declared.nextUpdateDue);
      expect(msBetween(ctx.now(), after.internalDue as string)).toBe(15 * MINUTE);

      await say(id);
      const published = await incidents.getIncident(ctx, id);
      expect(msBetween(ctx.now(), published.nextUpdateDue as string)).toBe(30 * MINUTE);
      expect(published.internalDue).toBe(after.internalDue);
      expect(published.updates[0]).toMatchObject({ kind: 'initial', wasDueAt: declared.nextUpdateDue });
    });

    it('is declared and published as one, or not at all', async () => {
      const { ctx, checkout, statusOf } = await house();
      const input: incidents.DeclareAndPublishInput = {
        title: 'Checkout is failing',
        severity: 'SEV1',
        scope: 'EU',
        status: 'identified',
        body: 'We are looking into it.',
        components: [{ id: checkout.id, status: 'major_outage' }],
        notify: true,
      };
      const refused = (changes: object, as = ctx) =>
        expect(incidents.declareAndPublish(as, { ...input, ...changes })).rejects;
      await refused({}, ctx.as('responder')).toMatchObject({ code: 'forbidden' });
      // The update is refused, and the declaration goes with it.
      await refused({ nextUpdateBy: '2026-11-20T13:59:00.000Z' }).toMatchObject({
        problems: [{ field: 'nextUpdateBy' }],
      });
      const open = async () => (await incidents.listIncidents(ctx, { kind: 'incident', limit: 10 })).open;
      expect(await open()).toEqual([]);
      expect(ctx.changes).toEqual([]);

      await makeSubscribers(ctx.db, 3);
      const { id, told } = await incidents.declareAndPublish(ctx, input);
      expect(told).toBe(3);
      expect((await open()).map((one) => one.id)).toEqual([id]);
      expect((await getStatusPage(ctx)).incidents).toMatchObject([{ id, status: 'identified', scope: 'EU' }]);
      expect(await statusOf(checkout.id)).toBe('major_outage');
      expect(ctx.changes).toEqual(['page', 'outbox']);
    });

    it('lets a promise rule over the policy, and refuses one that has passed', async () => {
      const { ctx, declare, say } = await house();
      const { id } = await declare();
      const promised = '2026-11-20T16:15:00.000Z';
      await say(id, { nextUpdateBy: promised });
      expect((await incidents.getIncident(ctx, id)).nextUpdateDue).toBe(promised);
      await expect(say(id, { nextUpdateBy: '2026-11-20T13:59:00.000Z' })).rejects.toMatchObject({
        code: 'invalid',
        problems: [{ field: 'nextUpdateBy' }],
      });
    });

    it('recomputes the clocks when the severity changes', async () => {
      const { ctx, declare, say } = await house();
      const { id } = await declare({ severity: 'SEV2' });
      await say(id);
      const at = ctx.now();
      ctx.clock.advance(10 * MINUTE);
      await say(id, { audience: 'internal', severity: 'SEV1', body: 'Worse than it looked.' });
      const raised = await incidents.getIncident(ctx, id);
      expect(msBetween(at, raised.nextUpdateDue as string)).toBe(30 * MINUTE);
      expect(raised.facts.map((fact) => fact.text)).toContain('Severity changed from SEV2 to SEV1');
    });

    it('asks a responder to leave publishing to the comms lead', async () => {
      const { ctx, declare, say } = await house();
      const { id } = await declare();
      await expect(say(id, {}, ctx.as('responder'))).rejects.toMatchObject({ code: 'forbidden' });
      await say(id, { audience: 'internal' }, ctx.as('responder'));
      await expect(incidents.getIncident({ ...ctx, actor: { kind: 'visitor' } }, id)).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    });

    it('refuses unknown components and impossible times, with the field at fault', async () => {
      const { declare } = await house();
      await expect(
        declare({ components: [{ id: 'nowhere', status: 'major_outage' }] }),
      ).rejects.toMatchObject({
        code: 'invalid',
        problems: [{ field: 'components' }],
      });
      await expect(declare({ startedAt: '2026-11-20T15:00:00.000Z' })).rejects.toMatchObject({
        problems: [{ field: 'startedAt' }, { field: 'detectedAt' }],
      });
    });
  });

  describe('two people at once', () => {
    it('lets one of two equal posts through and shows the other what was said', async () => {
      const { ctx, declare } = await house();
      const { id } = await declare();
      const { version } = await incidents.getIncident(ctx, id);
      const post = (body: string) =>
        incidents.postUpdate(ctx, {
          incidentId: id,
          version,
          audience: 'public',
          status: 'investigating',
          body,
          components: [],
          notify: false,
        });
      const results = await Promise.allSettled([post('First.'), post('Second.')]);
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const refusal = results.find((one) => one.status === 'rejected')?.reason as AppError;
      expect(refusal.code).toBe('conflict');
      expect(refusal.message).toContain('posted at 14:00 UTC while you were writing');
      expect((await incidents.getIncident(ctx, id)).updates).toHaveLength(1);
    });

    it('says that it was resolved meanwhile', async () => {
      const { ctx, declare, say } = await house();
      const { id } = await declare();
      const { version } = await incidents.getIncident(ctx, id);
      await say(id, { status: 'resolved', reason: 'The provider is back.' });
      await expect(say(id, { version, status: 'identified' })).rejects.toThrow(
        /this is resolved, while you were writing/,
      );
    });
  });

  describe('resolve and reopen', () => {
    it('watches a SEV1 for 15 minutes in monitoring, or asks for a reason', async () => {
      const { ctx, declare, say } = await house();
      const { id } = await declare();
      await say(id);
      await expect(say(id, { status: 'resolved' })).rejects.toMatchObject({
        problems: [{ field: 'reason' }],
      });
      await say(id, { status: 'monitoring' });
      ctx.clock.advance(14 * MINUTE);
      await expect(say(id, { status: 'resolved' })).rejects.toMatchObject({
        problems: [{ field: 'reason' }],
      });
      ctx.clock.advance(MINUTE);
      await say(id, { status: 'resolved' });
      const over = await incidents.getIncident(ctx, id);
      expect(over).toMatchObject({
        status: 'resolved',
        resolvedAt: ctx.now(),
        nextUpdateDue: null,
        internalDue: null,
      });
      expect(over.mitigatedAt).toBe('2026-11-20T14:00:00.000Z');
    });

    it('watches it for as long when the same post lowers the severity', async () => {
      const { declare, say } = await house();
      const { id } = await declare();
      await say(id);
      const over = { status: 'resolved' as const, severity: 'SEV3' as const };
      await expect(say(id, over)).rejects.toMatchObject({
        code: 'invalid',
        problems: [{ field: 'reason', message: expect.stringMatching(/^A SEV1 is watched for 15 minutes/) }],
      });
      await say(id, { ...over, reason: 'It was never more than that.' });
    });

    it('ends only its own claims: what another incident holds stays wrong', async () => {
      const { checkout, declare, say, statusOf } = await house();
      const first = await declare();
      const second = await declare({ components: [{ id: checkout.id, status: 'degraded_performance' }] });
      await say(first.id);
      await say(second.id);
      await say(first.id, { status: 'resolved', reason: 'Back.' });
      expect(await statusOf(checkout.id)).toBe('degraded_performance');
      await say(second.id, { status: 'resolved', reason: 'Back.' });
      expect(await statusOf(checkout.id)).toBe('operational');
    });

    it('gives back what it held when it is reopened, with a new promise', async () => {
      const { ctx, checkout, declare, say, statusOf } = await house();
      const { id } = await declare();
      await say(id);
      await say(id, { status: 'resolved', reason: 'Back.' });
      ctx.clock.advance(HOUR);
      await say(id, { status: 'investigating', body: 'It is back.' });
      const again = await incidents.getIncident(ctx, id);
      expect(again).toMatchObject({ status: 'investigating', resolvedAt: null, mitigatedAt: null });
      expect(again.updates[0]?.kind).toBe('reopening');
      expect(again.updates[0]?.changes).toEqual([
        { code: checkout.id, name: 'Checkout', old_status: 'operational', new_status: 'major_outage' },
      ]);
      expect(again.nextUpdateDue).not.toBeNull();
      expect(await statusOf(checkout.id)).toBe('major_outage');
    });

    it('refuses a status that cannot follow', async () => {
      const { declare, say } = await house();
      const { id } = await declare();
      await expect(say(id, { status: 'postmortem' })).rejects.toMatchObject({
        problems: [{ field: 'status' }],
      });
      await expect(say(id, { status: 'completed' })).rejects.toMatchObject({
        problems: [{ field: 'status' }],
      });
    });

    it('keeps an internal update from changing what visitors see', async () => {
      const { checkout, declare, say } = await house();
      const { id } = await declare();
      await say(id);
      await expect(say(id, { audience: 'internal', status: 'identified' })).rejects.toMatchObject({
        problems: [{ field: 'status' }],
      });
      await expect(
        say(id, { audience: 'internal', components: [{ id: checkout.id, status: 'operational' }] }),
      ).rejects.toMatchObject({ problems: [{ field: 'components' }] });
    });
  });

  describe('components', () => {
    it('notes what each update changed, from what to what', async () => {
      const { ctx, checkout, cart, declare, say, statusOf } = await house();
      const { id } = await declare();
      await say(id);
      await say(id, {
        components: [
          { id: checkout.id, status: 'partial_outage' },
          { id: cart.id, status: 'degraded_performance' },
        ],
      });
      expect((await incidents.getIncident(ctx, id)).updates[0]?.changes).toEqual([
        { code: checkout.id, name: 'Checkout', old_status: 'major_outage', new_status: 'partial_outage' },
        { code: cart.id, name: 'Cart', old_status: 'operational', new_status: 'degraded_performance' },
      ]);
      expect(await statusOf(cart.id)).toBe('degraded_performance');
    });

    it('corrects the wrong component as though it was never named, and keeps the record of it', async () => {
      const { ctx, db, checkout, cart, declare, say, statusOf } = await house();
      const { id, seq } = await declare();
      await say(id);
      ctx.clock.advance(10 * MINUTE);
      const { version, startedAt } = await incidents.getIncident(ctx, id);
      await incidents.correctComponents(ctx, {
        incidentId: id,
        version,
        components: [
          { id: checkout.id, status: 'operational' },
          { id: cart.id, status: 'major_outage' },
        ],
      });
      expect(await statusOf(checkout.id)).toBe('operational');
      expect(await statusOf(cart.id)).toBe('major_outage');
      const claims = await db.read((tx) =>
        tx.selectFrom('claims').selectAll().where('source_seq', '=', seq).orderBy('seq').execute(),
      );
      expect(claims.map((claim) => [claim.component_id, claim.starts_at, claim.voided_at !== null])).toEqual([
        [checkout.id, startedAt, true],
        [cart.id, startedAt, false],
      ]);
      const { facts } = await incidents.getIncident(ctx, id);
      expect(facts[0]?.text).toBe('Components corrected. Checkout: not affected; Cart: Major outage');
    });

    it('shows a person’s own word beside an incident’s, the worse of the two', async () => {
      const { ctx, checkout, declare, say, statusOf } = await house();
      await setManualStatus(ctx, checkout.id, 'degraded_performance');
      const { id } = await declare();
      expect(await statusOf(checkout.id)).toBe('major_outage');
      await say(id);
      await say(id, { status: 'resolved', reason: 'Back.' });
      expect(await statusOf(checkout.id)).toBe('degraded_performance');
      await setManualStatus(ctx, checkout.id, 'operational');
      expect(await statusOf(checkout.id)).toBe('operational');
    });

    it('hands over to a person’s word what a resolution still calls wrong', async () => {
      const { ctx, checkout, declare, say, statusOf } = await house();
      const { id } = await declare();
      await say(id);
      await say(id, {
        status: 'resolved',
        reason: 'Nearly.',
        components: [{ id: checkout.id, status: 'degraded_performance' }],
      });
      expect(await statusOf(checkout.id)).toBe('degraded_performance');
      await setManualStatus(ctx, checkout.id, 'operational');
      expect(await statusOf(checkout.id)).toBe('operational');
    });
  });

  describe('who is told', () => {
    it('tells those who follow the page, the group or the component, and nobody else', async () => {
      const { ctx, db, shop, checkout, cart, declare, say } = await house();
      await makeSubscribers(db, 3);
      await makeSubscribers(db, 2, [{ kind: 'group', id: shop.id }]);
      await makeSubscribers(db, 4, [{ kind: 'component', id: checkout.id }]);
      await makeSubscribers(db, 8, [{ kind: 'component', id: cart.id }]);
      const { id } = await declare();
      const preview = await incidents.previewUpdate(ctx, {
        incidentId: id,
        version: 1,
        audience: 'public',
        status: 'investigating',
        body: 'We are looking into it.',
        components: [],
        notify: true,
      });
      expect(preview.told).toBe(9);
      const { told } = await say(id, { notify: true });
      expect(told).toBe(9);
      expect(ctx.changes).toEqual(['page', 'outbox']);
      const notice = await db.read((tx) => tx.selectFrom('notices').selectAll().executeTakeFirstOrThrow());
      expect(notice).toMatchObject({ subject: preview.mail.subject, html: preview.mail.html, priority: 0 });
    });

    it('tells those who follow a group of what joined it later, and not of what left it', async () => {
      const { ctx, db, shop, checkout, say, declare } = await house();
      await makeSubscribers(db, 2, [{ kind: 'group', id: shop.id }]);
      const wallet = await createComponent(ctx, { name: 'Wallet', groupId: shop.id });
      const search = await createComponent(ctx, { name: 'Search' });
      const told = async (component: string) => {
        const { id } = await declare({ components: [{ id: component, status: 'partial_outage' }] });
        return (await say(id, { notify: true })).told;
      };
      expect(await told(wallet.id)).toBe(2);
      expect(await told(search.id)).toBe(0);
      await updateComponent(ctx, search.id, { name: 'Search', groupId: shop.id });
      expect(await told(search.id)).toBe(2);
      await updateComponent(ctx, checkout.id, { name: 'Checkout', groupId: null });
      expect(await told(checkout.id)).toBe(0);
    });

    it('tells nobody of an internal update or a quiet one', async () => {
      const { ctx, db, declare, say } = await house();
      await makeSubscribers(db, 3);
      const { id } = await declare();
      expect((await say(id, { audience: 'internal', notify: true })).told).toBe(0);
      expect((await say(id, { notify: false })).told).toBe(0);
      expect(await db.read((tx) => tx.selectFrom('notices').selectAll().execute())).toEqual([]);
      expect(ctx.changes).not.toContain('outbox');
    });

    it('keeps the words before an edit and mails only when asked', async () => {
      const { ctx, db, declare, say } = await house();
      await makeSubscribers(db, 3);
      const { id } = await declare();
      const { updateId } = await say(id);
      ctx.clock.advance(7 * MINUTE);
      const text = { body: 'Better words.', scope: null, affected: null, workaround: null, estimate: null };
      expect(await incidents.editUpdate(ctx, { updateId, ...text, notify: false })).toEqual({ told: 0 });
      expect(
        await incidents.editUpdate(ctx, { updateId, ...text, body: 'Best words.', notify: true }),
      ).toEqual({ told: 3 });
      const [update] = (await incidents.getIncident(ctx, id)).updates;
      expect(update).toMatchObject({ body: 'Best words.', editedAt: ctx.now() });
      expect(update?.edits.map((edit) => edit.before.body)).toEqual([
        'Better words.',
        'We are looking into it.',
      ]);
      expect((await getPublicIncident(ctx, id, 'incident')).incident.updates[0]?.editedAt).toBe(ctx.now());
    });
  });

  describe('the team', () => {
    it('gives a role to one person at a time and warns of two in one pair of hands', async () => {
      const { ctx, db, declare } = await house();
      for (const id of ['ada', 'ben'])
        await db.write((tx) =>
          insertUser(tx, {
            id,
            email: `${id}@example.com`,
            name: id,
            role: 'responder',
            passwordHash: '',
            createdAt: ctx.now(),
          }),
        );
      expect(await db.read((tx) => getUser(tx, 'ada'))).not.toBeNull();
      const { id } = await declare();
      const give = (role: 'incident_commander' | 'technical_lead', userId: string) =>
        incidents.assignRole(ctx, { incidentId: id, role, userId });
      expect(await give('incident_commander', 'ada')).toEqual({ warning: null });
      expect((await give('technical_lead', 'ada')).warning).toContain(
        'both incident commander and technical lead',
      );
      expect(await give('technical_lead', 'ben')).toEqual({ warning: null });
      await incidents.endRole(ctx, { incidentId: id, role: 'incident_commander' });
      const { roles } = await incidents.getIncident(ctx, id);
      expect(roles.map(({ role, userId }) => [role, userId])).toEqual([['technical_lead', 'ben']]);
    });

    it('takes notes at the time they were about, never in the future', async () => {
      const { ctx, declare } = await house();
      const { id } = await declare();
      await incidents.addLogEntry(ctx, { incidentId: id, body: 'Now.' });
      await incidents.addLogEntry(ctx, { incidentId: id, body: 'Before.', at: '2026-11-20T13:50:00.000Z' });
      expect((await incidents.getIncident(ctx, id)).log.map(({ body }) => body)).toEqual(['Now.', 'Before.']);
      await expect(
        incidents.addLogEntry(ctx, { incidentId: id, body: 'Later.', at: '2026-11-20T15:00:00.000Z' }),
      ).rejects.toMatchObject({ problems: [{ field: 'noteAt' }] });
    });

    it('moves what was claimed from the start when the start is put right', async () => {
      const { ctx, db, declare, say } = await house();
      const { id, seq } = await declare();
      await say(id);
      const { version } = await incidents.getIncident(ctx, id);
      await incidents.setIncidentTimes(ctx, {
        incidentId: id,
        version,
        startedAt: '2026-11-20T13:40:00.000Z',
      });
      const claims = await db.read((tx) =>
        tx
          .selectFrom('claims')
          .select('starts_at')
          .where('source_seq', '=', seq)
          .where('voided_at', 'is', null)
          .execute(),
      );
      expect(claims).toEqual([{ starts_at: '2026-11-20T13:40:00.000Z' }]);
      await expect(
        incidents.setIncidentTimes(ctx, {
          incidentId: id,
          version: version + 1,
          detectedAt: '2026-11-20T13:00:00.000Z',
        }),
      ).rejects.toMatchObject({ problems: [{ field: 'detectedAt' }] });
    });

    it('lists what is due, the soonest first, and knows late from soon', async () => {
      const { ctx, declare, say } = await house();
      const slow = await declare({ severity: 'SEV2', title: 'Slow' });
      await say(slow.id);
      const fast = await declare({ title: 'Fast' });
      expect((await incidents.dueNow(ctx)).map(({ title, what, state }) => [title, what, state])).toEqual([
        ['Fast', 'first update', 'soon'],
        ['Slow', 'internal update', 'ahead'],
      ]);
      ctx.clock.advance(6 * MINUTE);
      expect((await incidents.dueNow(ctx))[0]).toMatchObject({ id: fast.id, state: 'late' });
    });

    it('hides no late public word behind an older one inside, and puts the gravest of what is late on top', async () => {
      const { ctx, declare, say } = await house();
      const old = await declare({ severity: 'SEV2', title: 'Old' });
      ctx.clock.advance(90 * MINUTE);
      const grave = await declare({ severity: 'SEV1', title: 'Grave' });
      await say(grave.id);
      const listed = async () =>
        (await incidents.dueNow(ctx)).map(({ title, what, state }) => `${title}: ${what} ${state}`);
      expect((await listed()).slice(0, 2)).toEqual(['Old: first update late', 'Old: internal update late']);
      // Late inside first, then outside, too.
      ctx.clock.advance(20 * MINUTE);
      expect((await listed())[0]).toBe('Grave: internal update late');
      ctx.clock.advance(25 * MINUTE);
      expect(await listed()).toEqual([
        'Grave: next update late',
        'Grave: internal update late',
        'Old: first update late',
        'Old: internal update late',
      ]);
      expect(
        (await incidents.listIncidents(ctx, { kind: 'incident', limit: 5 })).open.map(({ id }) => id),
      ).toEqual([grave.id, old.id]);
    });
  });

  describe('the past', () => {
    it('puts a past incident on the record with no clock and no mail', async () => {
      const { ctx, db, checkout, cart, statusOf } = await house();
      await makeSubscribers(db, 3);
      const { id } = await incidents.backfillIncident(ctx, {
        title: 'Checkout was slow',
        severity: 'SEV3',
        startedAt: '2026-11-18T10:00:00.000Z',
        resolvedAt: '2026-11-18T11:00:00.000Z',
        components: [{ id: checkout.id, status: 'degraded_performance' }],
        updates: [
          { status: 'investigating', body: 'Slow.', postedAt: '2026-11-18T10:05:00.000Z' },
          {
            status: 'identified',
            body: 'Cart too.',
            postedAt: '2026-11-18T10:30:00.000Z',
            components: [{ id: cart.id, status: 'partial_outage' }],
          },
          { status: 'resolved', body: 'Over.', postedAt: '2026-11-18T11:00:00.000Z' },
        ],
      });
      const { incident } = await getPublicIncident(ctx, id, 'incident');
      expect(incident).toMatchObject({ status: 'resolved', nextUpdateDue: null });
      expect(
        incident.updates.map(({ changes }) => changes.map(({ code, new_status }) => [code, new_status])),
      ).toEqual([
        [
          [checkout.id, 'operational'],
          [cart.id, 'operational'],
        ],
        [[cart.id, 'partial_outage']],
        [[checkout.id, 'degraded_performance']],
      ]);
      const claims = await db.read((tx) =>
        tx.selectFrom('claims').selectAll().orderBy('starts_at').execute(),
      );
      expect(
        claims.map(({ component_id, starts_at, ends_at }) => [component_id, starts_at, ends_at]),
      ).toEqual([
        [checkout.id, '2026-11-18T10:00:00.000Z', '2026-11-18T11:00:00.000Z'],
        [cart.id, '2026-11-18T10:30:00.000Z', '2026-11-18T11:00:00.000Z'],
      ]);
      expect(await statusOf(checkout.id)).toBe('operational');
      expect(await db.read((tx) => tx.selectFrom('notices').selectAll().execute())).toEqual([]);
    });

    it('can take one without a pace into care, once it is open', async () => {
      const { ctx, say } = await house();
      const { id } = await incidents.backfillIncident(ctx, {
        title: 'Slow',
        severity: 'SEV1',
        startedAt: '2026-11-18T10:00:00.000Z',
        resolvedAt: '2026-11-18T11:00:00.000Z',
        components: [],
        updates: [{ status: 'resolved', body: 'Over.', postedAt: '2026-11-18T11:00:00.000Z' }],
      });
      await expect(incidents.adoptIncident(ctx, { incidentId: id, version: 1 })).rejects.toMatchObject({
        code: 'conflict',
      });
      await say(id, { status: 'investigating' });
      expect((await incidents.getIncident(ctx, id)).nextUpdateDue).toBeNull();
      await incidents.adoptIncident(ctx, { incidentId: id, version: 2 });
      expect(msBetween(ctx.now(), (await incidents.getIncident(ctx, id)).nextUpdateDue as string)).toBe(
        30 * MINUTE,
      );
    });
  });
});
