import type { Background, LogoType } from '#domain/brand.ts';
import type { Tx } from './open.ts';

/** Puts a logo in the place of the one before. */
export async function saveLogo(
  tx: Tx,
  logo: { background: Background; hash: string; type: LogoType; body: Uint8Array },
): Promise<void> {
  const { background, hash, type } = logo;
  const body = Buffer.from(logo.body);
  await tx
    .insertInto('logos')
    .values({ background, hash, type, body })
    .onConflict((conflict) => conflict.column('background').doUpdateSet({ hash, type, body }))
    .execute();
}

export async function deleteLogo(tx: Tx, background: Background): Promise<void> {
  await tx.deleteFrom('logos').where('background', '=', background).execute();
}

/** A logo of today by its hash; null when there is none. There are two at most. */
export async function findLogo(tx: Tx, hash: string): Promise<{ type: LogoType; body: Buffer } | null> {
  const row = await tx
    .selectFrom('logos')
    .select(['type', 'body'])
    .where('hash', '=', hash)
    .limit(1)
    .executeTakeFirst();
  return row ? { type: row.type, body: Buffer.from(row.body) } : null;
}
