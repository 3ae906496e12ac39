import type { Brand } from '#domain/brand.ts';
import { FOR_EVERYONE, type PageAccess } from '#domain/pageAccess.ts';
import type { Tx } from './open.ts';

/** What the page is called and how it is kept. */
export type Page = {
  publicId: string;
  name: string;
  timeZone: string;
  version: number;
  updatedAt: string;
  uptimeWeight: number;
  supportUrl: string | null;
  /** How long a post waits before its mail leaves, so that it can be stopped without a trace. */
  releaseSeconds: number;
  /** Visitors are shown how many updates came on time. */
  showKept: boolean;
  /** When digests are made, in each reader's own zone: HH:MM. */
  digestAt: string;
  brand: Brand;
};

type Settings = {
  releaseSeconds?: number;
  showKept?: boolean;
  digestAt?: string;
  brand?: Partial<Brand>;
  access?: PageAccess;
};

const RELEASE_SECONDS = 10;
const DIGEST_AT = '09:00';
const NO_BRAND: Brand = { accent: null, footer: null, logos: {}, wordmark: false };

/** @throws when the installation has not been set up (migrated and given its page) */
export async function getPage(tx: Tx): Promise<Page> {
  const row = await tx.selectFrom('page').selectAll().where('id', '=', 1).executeTakeFirstOrThrow();
  const settings = JSON.parse(row.settings) as Settings;
  return {
    publicId: row.public_id,
    name: row.name,
    timeZone: row.time_zone,
    version: row.version,
    updatedAt: row.updated_at,
    uptimeWeight: row.uptime_weight,
    supportUrl: row.support_url,
    releaseSeconds: settings.releaseSeconds ?? RELEASE_SECONDS,
    showKept: settings.showKept ?? false,
    digestAt: settings.digestAt ?? DIGEST_AT,
    brand: { ...NO_BRAND, ...settings.brand },
  };
}

/** The cheapest of questions: has anything that a visitor could see changed? 0 before the page exists. */
export async function getPageVersion(tx: Tx): Promise<number> {
  const row = await tx.selectFrom('page').select('version').where('id', '=', 1).executeTakeFirst();
  return row?.version ?? 0;
}

/** Who may see the page, which no page shows. @throws before the page exists, and where it was lost: nobody is let in by that */
export async function getPageAccess(tx: Tx): Promise<PageAccess> {
  const row = await tx.selectFrom('page').select('settings').where('id', '=', 1).executeTakeFirstOrThrow();
  return (JSON.parse(row.settings) as Settings).access ?? FOR_EVERYONE;
}

/**
 * Belongs in the transaction of every change that a visitor could see. The version's time never goes back: of two writers the one
 * that read its clock first may commit last, and a page counts what happened up to its version's time.
 */
export async function bumpPageVersion(tx: Tx, now: string): Promise<void> {
  await tx
    .updateTable('page')
    .set((eb) => ({
      version: eb('version', '+', 1),
      updated_at: eb.case().when('updated_at', '>', now).then(eb.ref('updated_at')).else(now).end(),
    }))
    .where('id', '=', 1)
    .execute();
}

/** Makes the page if there is none; an existing one is left as it is. */
export async function ensurePage(
  tx: Tx,
  page: { publicId: string; name: string; now: string },
): Promise<void> {
  await tx
    .insertInto('page')
    .values({
      id: 1,
      public_id: page.publicId,
      name: page.name,
      time_zone: 'UTC',
      version: 1,
      updated_at: page.now,
      uptime_weight: 0.3,
      settings: '{}',
      bumped_until: page.now,
    })
    .onConflict((oc) => oc.column('id').doNothing())
    .execute();
}

export async function updatePage(
  tx: Tx,
  changes: {
    name?: string;
    timeZone?: string;
    supportUrl?: string | null;
    uptimeWeight?: number;
    releaseSeconds?: number;
    showKept?: boolean;
    digestAt?: string;
    brand?: Brand;
    access?: PageAccess;
  },
): Promise<void> {
  const { releaseSeconds, showKept, digestAt, brand, access } = changes;
  const own = {
    ...(releaseSeconds !== undefined && { releaseSeconds }),
    ...(showKept !== undefined && { showKept }),
    ...(digestAt !== undefined && { digestAt }),
    ...(brand !== undefined && { brand }),
    ...(access !== undefined && { access }),
  };
  const set = {
    ...(changes.name !== undefined && { name: changes.name }),
    ...(changes.timeZone !== undefined && { time_zone: changes.timeZone }),
    ...(changes.supportUrl !== undefined && { support_url: changes.supportUrl }),
    ...(changes.uptimeWeight !== undefined && { uptime_weight: changes.uptimeWeight }),
    ...(Object.keys(own).length > 0 && { settings: await settingsWith(tx, own) }),
  };
  if (Object.keys(set).length) await tx.updateTable('page').set(set).where('id', '=', 1).execute();
}

async function settingsWith(tx: Tx, changes: Partial<Settings>): Promise<string> {
  const { settings } = await tx
    .selectFrom('page')
    .select('settings')
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  return JSON.stringify({ ...JSON.parse(settings), ...changes });
}
