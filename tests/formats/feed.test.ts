import { existsSync, readFileSync } from 'node:fs';
import sanitizeHtml from 'sanitize-html';
import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import type { FeedSnapshot } from '#domain/feed.ts';
import { addMs, DAY, HOUR, MINUTE } from '#domain/time.ts';
import { atomFeed, rssFeed } from '#formats/feed.ts';
import { editUpdate, getIncident, type PostInput, postUpdate } from '#services/incidents.ts';
import { cancelMaintenance, scheduleMaintenance } from '#services/maintenance.ts';
import { FEED_ENTRIES, getComponentFeed, getHistoryFeed } from '#services/publicFeeds.ts';
import { importStatuspage } from '#services/statuspageImport.ts';
import { testClock, testContext, userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeClaim, makeComponent, makeIncident, makePage, makeUpdate } from '../support/factory.ts';
import { readAtom, readRss } from '../support/feeds.ts';
import { makeHarbour } from '../support/harbour.ts';
import { NASTY } from '../support/nasty.ts';

const NOW = '2026-11-20T15:06:00.000Z';
const SITE = 'https://status.example.com';
const REAL = new URL('../../../shared/data/', import.meta.url);

/** Everything that an entry may hold, as HTML: what is not here is dropped, which is then seen. */
function asAllowed(html: string): string {
  return sanitizeHtml(html, {
    allowedTags: [
      'p',
      'br',
      'strong',
      'em',
      's',
      'code',
      'pre',
      'blockquote',
      'ul',
      'ol',
      'li',
      'a',
      'small',
      'var',
    ],
    allowedAttributes: { a: ['href', 'rel'], ol: ['start'], var: ['data-var'] },
    allowedSchemes: ['http', 'https', 'mailto'],
  });
}

/** As any HTML parser has them, however they are written. */
function tagsIn(html: string): string[] {
  return [...html.matchAll(/<\/?[a-z][^>]*>/gi)].map(([tag]) =>
    tag.replaceAll(`'`, `"`).replace(/ ?\/>$/, '>'),
  );
}

eachDatabase('the feeds', (fresh) => {
  function contextOver(db: Db) {
    return testContext(db, { clock: testClock(NOW) });
  }

  it('hold one entry an incident and maintenance, the newest word first, by the standards of Atom and RSS', async () => {
    const db = await fresh();
    await makeHarbour(db, { now: NOW, open: 3, maintenance: true });
    const snapshot = await getHistoryFeed(contextOver(db));
    const atom = readAtom(atomFeed(snapshot));
    const rss = readRss(rssFeed(snapshot));
    expect(atom.entries.map(({ url }) => url)).toEqual(
      snapshot.incidents.map(
        ({ kind, id }) => `${SITE}/${kind === 'maintenance' ? kind : 'incidents'}/${id}`,
      ),
    );
    expect(atom.entries.length).toBeGreaterThan(5);
    expect(rss.entries.map(({ id, url, html }) => [id, url, html])).toEqual(
      atom.entries.map(({ id, url, html }) => [id, url, html]),
    );
    expect(atom).toMatchObject({ title: 'Harbour Status - Incident History', self: `${SITE}/history.atom` });
    expect(rss).toMatchObject({ url: `${SITE}/history`, updated: atom.entries[0]!.updated });
    const times = atom.entries.map(({ updated }) => updated as string);
    expect(times).toEqual([...times].sort().reverse());
    for (const { published, updated } of atom.entries) expect(published! <= updated!).toBe(true);
    expect(rss.entries.map(({ published }) => published)).toEqual(
      times.map((time) => `${time.slice(0, 19)}.000Z`),
    );

    const text = atomFeed(snapshot);
    expect(text).toContain('xml:lang="en-US"');
    expect(text).toContain(`<link href="${SITE}/history" rel="alternate" type="text/html"/>`);
    const checkout = atom.entries.find(({ title }) => title.startsWith('Checkout'))!;
    expect(checkout.title).toBe('Checkout is failing for some customers (Europe)');
    expect(checkout.categories).toContain('Checkout');
    expect(checkout.html).toMatch(
      /^<p><small>Nov <var data-var='date'>20<\/var>, <var data-var='time'>\d\d:\d\d<\/var> UTC<\/small><br><strong>Identified<\/strong> - A payment provider/,
    );
    expect(checkout.html.match(/<strong>(Identified|Investigating|Update)<\/strong>/g)).toEqual([
      '<strong>Identified</strong>',
      '<strong>Update</strong>',
      '<strong>Investigating</strong>',
    ]);
    expect(checkout.html).toContain('<strong>Next update by</strong> - 15:30 UTC');
  });

  it('revise an entry in place: its id stays, at another address too, and its time grows', async () => {
    const db = await fresh();
    const { open } = await makeHarbour(db, { now: NOW, open: 1 });
    const ctx = contextOver(db);
    const id = open[0]!.id;
    const entry = async (at = ctx) => {
      const feed = readAtom(atomFeed(await getHistoryFeed(at)));
      const [one, ...others] = feed.entries.filter(({ url }) => url.endsWith(id));
      expect(others).toEqual([]);
      return { ...one!, count: feed.entries.length };
    };
    const say = async (changes: Partial<PostInput>) => {
      ctx.clock.advance(20 * MINUTE);
      const { version, status } = await getIncident(ctx, id);
      const said = {
        incidentId: id,
        version,
        status,
        components: [],
        notify: false,
        audience: 'public' as const,
      };
      return postUpdate(ctx, { ...said, body: 'x', ...changes });
    };
    const before = await entry();
    await say({ body: 'Said inside', audience: 'internal' });
    expect(await entry()).toEqual(before);
    const { updateId } = await say({ body: 'It is getting better.' });
    const after = await entry();
    expect(after).toMatchObject({ id: before.id, published: before.published, count: before.count });
    expect(after.updated).toBe(ctx.now());
    ctx.clock.advance(MINUTE);
    const none = { scope: null, affected: null, workaround: null, estimate: null };
    await editUpdate(ctx, { updateId, body: 'It is much better.', ...none, notify: false });
    const edited = await entry();
    expect(edited).toMatchObject({ id: before.id, updated: ctx.now() });
    expect(edited.html).toContain('much better');

    const moved = await entry({ ...ctx, site: { ...ctx.site, url: 'https://elsewhere.example' } });
    expect(moved).toMatchObject({ id: before.id, url: `https://elsewhere.example/incidents/${id}` });
  });

  it('are of one component alone, with what is planned for it and what was called off', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const ctx = contextOver(db);
    const [own, other, gone] = [
      await makeComponent(db, { name: 'Search & find' }),
      await makeComponent(db, { name: 'Checkout' }),
      await makeComponent(db, { name: 'Fax', archived_at: NOW }),
    ];
    for (const [component, name] of [
      [own, 'Search & find'],
      [other, 'Checkout'],
    ] as const) {
      const { seq } = await makeIncident(db, { title: `${name} is slow` });
      await makeUpdate(db, seq, { body: 'We look.' });
      await makeClaim(db, { component_id: component.id, source_seq: seq, status: 'degraded_performance' });
    }
    const plan = (title: string, component: string) =>
      scheduleMaintenance(ctx, {
        title,
        body: 'We move.',
        scheduledFor: addMs(NOW, DAY),
        scheduledUntil: addMs(NOW, DAY + HOUR),
        components: [component],
        notify: false,
      });
    await plan('Its own move', own.id);
    await plan('The move of another', other.id);
    const off = await plan('Its second move', own.id);
    ctx.clock.advance(HOUR);
    await cancelMaintenance(ctx, { maintenanceId: off.id, version: 2, body: 'Not now.', notify: false });

    const snapshot = await getComponentFeed(ctx, own.id);
    for (const feed of [readAtom(atomFeed(snapshot)), readRss(rssFeed(snapshot))]) {
      expect(feed.entries.map(({ title }) => title).sort()).toEqual([
        'Called off: Its second move',
        'Its own move',
        'Search & find is slow',
      ]);
      expect(feed.title).toBe('Harbour Status - Search & find');
    }
    expect(atomFeed(snapshot)).toContain(
      `<link href="${SITE}/components/${own.id}.atom" rel="self" type="application/atom+xml"/>`,
    );
    const whole = readAtom(atomFeed(await getHistoryFeed(ctx))).entries;
    expect(whole).toHaveLength(5);
    for (const { id } of readAtom(atomFeed(snapshot)).entries)
      expect(whole.map((one) => one.id)).toContain(id);
    for (const id of [gone.id, 'nothere'])
      await expect(getComponentFeed(ctx, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it(`carry the ${FEED_ENTRIES} latest, and what is open besides, however old`, async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    for (let day = 1; day <= 40; day++) {
      const at = addMs(NOW, -day * DAY);
      const over = day !== 40;
      const { seq } = await makeIncident(db, {
        title: `Day ${day}`,
        started_at: at,
        created_at: at,
        status: over ? 'resolved' : 'monitoring',
        resolved_at: over ? addMs(at, HOUR) : null,
      });
      await makeUpdate(db, seq, { body: 'x', posted_at: at, created_at: at, updated_at: at });
    }
    const { entries } = readAtom(atomFeed(await getHistoryFeed(contextOver(db))));
    expect(entries.map(({ title }) => title)).toEqual([
      ...Array.from({ length: FEED_ENTRIES }, (_, index) => `Day ${index + 1}`),
      'Day 40',
    ]);
  });

  it('never hold what is unpublished, restricted, a drill or internal', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const component = await makeComponent(db);
    for (const kind of ['incident', 'maintenance'] as const)
      for (const hidden of [{ published_at: null }, { restricted: 1 }, { drill: 1 }] as const) {
        const { seq } = await makeIncident(db, { title: 'SECRET', kind, ...hidden });
        await makeUpdate(db, seq, { body: 'SECRET' });
        await makeClaim(db, {
          component_id: component.id,
          source_kind: kind,
          source_seq: seq,
          status: 'major_outage',
        });
      }
    const { seq } = await makeIncident(db, { title: 'Known' });
    await makeClaim(db, { component_id: component.id, source_seq: seq, status: 'major_outage' });
    await makeUpdate(db, seq, { audience: 'internal', body: 'SECRET' });
    await makeUpdate(db, seq, { body: 'Said to all' });
    const ctx = contextOver(db);
    for (const snapshot of [await getHistoryFeed(ctx), await getComponentFeed(ctx, component.id)])
      for (const text of [atomFeed(snapshot), rssFeed(snapshot)]) {
        expect(text).toContain('Said to all');
        expect(text).not.toContain('SECRET');
      }
  });

  it('let nothing that people type become markup, in an entry or in its title', async () => {
    const db = await fresh();
    await makePage(db, { name: NASTY[4] as string, updated_at: NOW });
    for (const text of NASTY) {
      const component = await makeComponent(db, { name: text });
      const { seq } = await makeIncident(db, { title: text, scope: text });
      await makeUpdate(db, seq, {
        body: text,
        affected: text,
        workaround: text,
        estimate: text,
        scope: text,
      });
      await makeClaim(db, { component_id: component.id, source_seq: seq, status: 'degraded_performance' });
    }
    const snapshot = await getHistoryFeed(contextOver(db));
    expect(snapshot.incidents).toHaveLength(NASTY.length);
    const atom = readAtom(atomFeed(snapshot));
    const rss = readRss(rssFeed(snapshot));
    for (const [index, { title }] of snapshot.incidents.entries()) {
      const [entry, item] = [atom.entries[index]!, rss.entries[index]!];
      // Atom says that it is text.
      expect(entry.title).toBe(title.trim());
      expect(item.title).not.toMatch(/<[a-z/!?]/i);
      expect(item.html).toBe(entry.html);
      expect(tagsIn(asAllowed(entry.html)), title).toEqual(tagsIn(entry.html));
    }
  });

  it('are whole while nothing has ever happened', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const snapshot = await getHistoryFeed(contextOver(db));
    expect(readAtom(atomFeed(snapshot))).toMatchObject({ entries: [], updated: NOW });
    expect(readRss(rssFeed(snapshot))).toMatchObject({ entries: [] });
  });

  const there = existsSync(REAL);
  it.skipIf(!there)(
    there
      ? 'are whole with the history of a large real page, and light'
      : 'a large real page: NOT RUN, because ../shared/data is not beside this checkout',
    async () => {
      const read = (name: string) => JSON.parse(readFileSync(new URL(name, REAL), 'utf8'));
      const db = await fresh();
      await makePage(db, { updated_at: NOW });
      const ctx = testContext(db, { clock: testClock(NOW), actor: userActor('owner') });
      await importStatuspage(ctx, {
        ...read('github-incidents-2020-2025.json'),
        components: read('github-components.json').components,
      });
      const snapshot = await getHistoryFeed(ctx);
      const text = atomFeed(snapshot);
      expect(readAtom(text).entries).toHaveLength(FEED_ENTRIES);
      expect(readRss(rssFeed(snapshot)).entries).toHaveLength(FEED_ENTRIES);
      expect(Buffer.byteLength(text)).toBeLessThan(200_000);
    },
  );
});

it('a feed holds no character that XML cannot, however it came here', () => {
  const bad = 'a\u0000b\u0001c\u000bd\u001be\ufffef\ud800g\udc00h\u{1f6a8}i';
  const at = NOW;
  const snapshot: FeedSnapshot = {
    page: { id: 'page', name: bad, url: SITE, timeZone: 'UTC', updatedAt: at },
    component: { id: 'x', name: bad },
    incidents: [
      {
        id: 'one',
        kind: 'incident',
        title: bad,
        scope: bad,
        severity: 'SEV1',
        impact: 'major',
        status: 'investigating',
        startedAt: at,
        identifiedAt: null,
        monitoringAt: null,
        resolvedAt: null,
        scheduledFor: null,
        scheduledUntil: null,
        nextUpdateDue: null,
        shortlink: null,
        createdAt: at,
        updatedAt: at,
        updates: [],
        components: [
          { id: 'x', name: bad, status: 'major_outage', began: { status: 'major_outage', at }, listed: true },
        ],
      },
    ],
  };
  expect(readAtom(atomFeed(snapshot)).entries[0]).toMatchObject({
    title: 'abcdefgh🚨i',
    categories: ['abcdefgh🚨i'],
  });
  expect(readRss(rssFeed(snapshot)).entries[0]).toMatchObject({ title: 'abcdefgh🚨i' });
});
