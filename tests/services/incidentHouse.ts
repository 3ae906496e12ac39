import type { Db } from '#db/open.ts';
import { getPageVersion } from '#db/page.ts';
import { createComponent, createGroup, listComponents } from '#services/components.ts';
import * as incidents from '#services/incidents.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { makePage } from '../support/factory.ts';

/** A page with two components in a group, and the verbs that every test of incidents needs. */
export async function incidentHouse(fresh: () => Promise<Db>) {
  const db = await fresh();
  await makePage(db);
  const ctx = testContext(db);
  const shop = await createGroup(ctx, { name: 'Shop' });
  const checkout = await createComponent(ctx, { name: 'Checkout', groupId: shop.id });
  const cart = await createComponent(ctx, { name: 'Cart', groupId: shop.id });
  ctx.changes.length = 0;
  const say = async (id: string, changes: Partial<incidents.PostInput> = {}, as: TestCtx = ctx) => {
    const { version, status } = await incidents.getIncident(ctx, id);
    return incidents.postUpdate(as, {
      incidentId: id,
      version,
      audience: 'public',
      status,
      body: 'We are looking into it.',
      components: [],
      notify: false,
      ...changes,
    });
  };
  const statusOf = async (id: string) =>
    (await listComponents(ctx)).flatMap((group) => group.components).find((one) => one.id === id)?.status;
  const declare = (changes: Partial<incidents.DeclareInput> = {}) =>
    incidents.declareIncident(ctx, {
      title: 'Checkout is failing',
      severity: 'SEV1',
      components: [{ id: checkout.id, status: 'major_outage' }],
      ...changes,
    });
  const at = (clock: string) => ctx.clock.set(`2026-11-20T${clock}:00.000Z`);
  const get = (id: string) => incidents.getIncident(ctx, id);
  const version = () => db.read(getPageVersion);
  /** What is claimed and not taken back, in the order of the record. */
  const claims = async () =>
    (await db.read((tx) => tx.selectFrom('claims').selectAll().orderBy('seq').execute()))
      .filter(({ voided_at }) => voided_at === null)
      .map((one) => [one.component_id, one.source_kind, one.status, time(one.starts_at), time(one.ends_at)]);
  const audit = async () =>
    (await db.read((tx) => tx.selectFrom('audit').select('action').orderBy('seq').execute())).map(
      ({ action }) => action,
    );
  return { db, ctx, shop, checkout, cart, say, statusOf, declare, at, get, version, claims, audit };
}

/** The hour and minute of an instant of the test's own day. */
export function time(instant: string | null): string | null {
  return instant?.slice(11, 16) ?? null;
}
