import { expect, it } from 'vitest';
import { insertDigestItem } from '#db/digestItems.ts';
import { fitWaiting } from '#db/narrow.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident, makePage, makeUpdate } from '../support/factory.ts';

const AT = '2026-11-20T14:00:00.000Z';

eachDatabase('what digests will say of a component that an incident never touched', (fresh) => {
  it('goes to nobody for its sake; a change of words still goes to those who had the words before', async () => {
    const db = await fresh();
    await makePage(db);
    const incident = await makeIncident(db, { declared_at: AT });
    const update = await makeUpdate(db, incident.seq, { posted_at: AT });
    const filters = await db.write(async (tx) => {
      const item = { updateSeq: update.seq, incidentSeq: incident.seq, at: AT, modes: ['digest' as const] };
      await insertDigestItem(tx, { ...item, filter: { components: ['wrong', 'right'], groups: [] } });
      await insertDigestItem(tx, { ...item, filter: { components: [], groups: [], had: [1] } });
      await fitWaiting(
        tx,
        { seq: incident.seq, declaredAt: AT },
        { concerned: { components: ['right'], groups: [] }, added: { components: [], groups: [] } },
        AT,
      );
      return tx.selectFrom('digest_items').select('filter').orderBy('seq').execute();
    });
    expect(filters.map(({ filter }) => JSON.parse(filter))).toEqual([
      { components: ['right'], groups: [] },
      { components: [], groups: [], had: [1] },
    ]);
  });
});
