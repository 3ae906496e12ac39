import { expect, it } from 'vitest';
import { listCalls } from '#db/calls.ts';
import type { Db } from '#db/open.ts';
import { insertPolicies } from '#db/policies.ts';
import { addBusinessMinutes, DEFAULT_HOURS } from '#domain/cadence.ts';
import { LONG } from '#domain/calls.ts';
import { DEFAULT_POLICIES, type Policies, SEVERITIES } from '#domain/severity.ts';
import { allowedNextStatuses, isOver } from '#domain/status.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE } from '#domain/time.ts';
import { postWhenLate } from '#services/automaticPosts.ts';
import { assignRole, dueNow } from '#services/incidents.ts';
import { setOwnPace, useCurrentPolicies } from '#services/policies.ts';
import { callStaff, haveIt } from '#services/staffCalls.ts';
import { chanceOf } from '../support/chance.ts';
import { userActor } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { incidentHouse } from './incidentHouse.ts';

const STEPS = 24;

const { SEV1, SEV2, SEV3, SEV4 } = DEFAULT_POLICIES;
/** By an ordinary clock what comes once a day would never come within hours, nor what comes each six hours in a morning. */
const MORNINGS: Policies = {
  SEV1: { ...SEV1, lateEvery: 20 },
  SEV2: { ...SEV2, businessHoursOnly: true, lateEvery: 90 },
  SEV3: { ...SEV3, internalUpdateEvery: 1440, lateEvery: 1440 },
  SEV4: { ...SEV4, publicUpdateEvery: 1440, internalUpdateEvery: 300 },
};

/** A house whose zone moves its clocks this weekend, with two people who can be called. */
async function nightHouse(fresh: () => Promise<Db>) {
  const house = await incidentHouse(fresh);
  await house.db.write(async (tx) => {
    await tx.updateTable('page').set({ time_zone: 'Europe/Berlin' }).execute();
    for (const name of ['mia', 'ada'])
      await tx
        .insertInto('users')
        .values({
          id: name,
          email: `${name}@example.com`,
          name,
          role: 'comms',
          password_hash: 'x',
          created_at: '2026-01-01T00:00:00.000Z',
          disabled_at: null,
        })
        .execute();
  });
  return house;
}

type House = Awaited<ReturnType<typeof nightHouse>>;

/** Posts, holds, paces and ticks at moments that the seed decides, over a weekend on which the clocks change, and looks at the tables each time. */
async function live(seed: number, house: House) {
  const { ctx, db, say, get, declare } = house;
  const chance = chanceOf(seed);
  if (chance() < 0.5)
    await db.write((tx) =>
      insertPolicies(tx, {
        policies: MORNINGS,
        hours: { ...DEFAULT_HOURS, closes: '13:00' },
        at: ctx.now(),
        by: 'test',
        reason: null,
      }),
    );
  const pick = <T>(choices: readonly T[]) => choices[Math.floor(chance() * choices.length)] as T;
  const mia = { ...ctx, actor: { ...userActor('comms'), id: 'mia', name: 'mia' } };
  ctx.clock.set(
    addMs(pick(['2026-03-27T12:00:00.000Z', '2026-10-23T12:00:00.000Z']), Math.floor(chance() * 3 * DAY)),
  );
  const { id, seq } = await declare({ severity: pick(SEVERITIES) });
  await assignRole(ctx, { incidentId: id, role: 'incident_commander', userId: 'ada' });
  const journal: string[] = [];
  const seen = { calls: 0, moved: 0, held: 0, back: 0, reopened: 0 };

  const tick = async () => {
    // Two processes look at the same moment.
    const other = { ...ctx, newId: () => `z${ctx.newId().slice(1)}` };
    await Promise.all([callStaff(ctx), callStaff(other)]);
    await postWhenLate(ctx);
    await check();
  };
  const check = async () => {
    const now = ctx.now();
    const incident = await get(id);
    const calls = await db.read((tx) => listCalls(tx, [seq]));
    const story = () => [`seed ${seed}`, ...journal, JSON.stringify(calls.slice(-6), null, 1)].join('\n');
    const keys = calls.map(({ clock, due, at }) => `${clock} ${due} ${at}`);
    expect(new Set(keys).size, story()).toBe(keys.length);
    const mails = await db.read((tx) =>
      tx
        .selectFrom('notices as n')
        .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
        .select(['n.seq', 'd.recipient_seq'])
        .where('n.kind', '=', 'call')
        .execute(),
    );
    expect(new Set(mails.map((mail) => `${mail.seq} ${mail.recipient_seq}`)).size).toBe(mails.length);
    expect(new Set(mails.map((mail) => mail.seq)), story()).toEqual(
      new Set(calls.map((call) => call.noticeSeq)),
    );
    seen.calls = calls.length;
    if (isOver(incident.status)) {
      expect([incident.nextUpdateDue, incident.internalDue], story()).toEqual([null, null]);
      return;
    }
    const { policy, hours } = incident.pace;
    const holds = await db.read((tx) => tx.selectFrom('holds').selectAll().execute());
    const open = (at: Instant) => addBusinessMinutes(hours, at, 0) === at;
    const owed = incident.publishedAt ? policy.publicUpdateEvery : policy.firstPublicUpdate;
    if (owed !== null) expect(incident.nextUpdateDue, story()).not.toBeNull();
    const { declaredAt } = incident;
    const pacedAt = incident.pacedAt && incident.pacedAt > declaredAt ? incident.pacedAt : declaredAt;
    for (const [clock, due, every] of [
      ['public', incident.nextUpdateDue, policy.lateEvery],
      ['internal', incident.internalDue, policy.internalUpdateEvery],
      ['pace', seen.reopened ? null : addMs(pacedAt, LONG), policy.publicUpdateEvery && LONG / MINUTE],
    ] as const) {
      if (!due || due > now || every === null) continue;
      // A promise for the night is kept in the night; nobody is called about anything else then, but at the opening.
      const inHours = policy.businessHoursOnly && (clock !== 'public' || open(due));
      const after = (at: Instant, minutes: number) =>
        inHours ? addBusinessMinutes(hours, at, minutes) : addMs(at, minutes * MINUTE);
      const held = holds.some(
        (hold) => hold.clock === clock && hold.at <= now && now < after(hold.until, every),
      );
      // What was called for a time twice is not called for it a third time.
      if (held || seen.back > 1 || (inHours && !open(now))) continue;
      const last = calls.findLast((call) => call.clock === clock && (clock === 'pace' || call.due === due));
      const words = () => `nobody was called: ${clock} due ${due} at ${now}\n${story()}`;
      expect(last, words()).toBeDefined();
      const { at } = last as (typeof calls)[number];
      expect(now <= after(at, every), words()).toBe(true);
      // By a clock that had leapt: it says nothing of now.
      if (now >= after(due, every)) expect(at <= addMs(now, every * MINUTE), words()).toBe(true);
      // And everyone sees it on top.
      if (clock === 'public') expect((await dueNow(ctx)).map((one) => one.id)).toContain(id);
    }
  };
  const note = (words: string) => journal.push(`${ctx.now()} ${words}`);

  const steps: (() => Promise<unknown>)[] = [
    tick,
    tick,
    async () => {
      const { status, severity } = await get(id);
      const next = pick(allowedNextStatuses(status).filter((one) => one !== 'postmortem'));
      const to = chance() < 0.4 ? pick(SEVERITIES) : severity;
      const in45 = addMs(ctx.now(), 45 * MINUTE);
      note(`public ${next} ${to}`);
      if (isOver(status)) seen.reopened++;
      await say(id, {
        status: next,
        severity: to,
        reason: 'Checked.',
        ...(chance() < 0.3 && { nextUpdateBy: in45 }),
      });
    },
    async () => {
      const before = await get(id);
      const to = chance() < 0.5 ? pick(SEVERITIES) : before.severity;
      note(`internal ${to}`);
      await say(id, { audience: 'internal', severity: to });
      const after = await get(id);
      if (to === before.severity) expect(after.nextUpdateDue).toBe(before.nextUpdateDue);
      else {
        seen.moved++;
        if (before.publishedAt && before.nextUpdateDue)
          expect((after.nextUpdateDue ?? '~') <= before.nextUpdateDue, journal.join('\n')).toBe(true);
      }
    },
    async () => {
      if (isOver((await get(id)).status)) return;
      const clock = pick(['public', 'internal'] as const);
      note(`has ${clock}`);
      await haveIt(mia, { incidentId: id, clock });
      seen.held++;
    },
    async () => {
      const { version, status } = await get(id);
      if (isOver(status)) return;
      const every = pick([20, 90, 1440]);
      note(`every ${every}`);
      if (chance() < 0.5)
        await setOwnPace(ctx, {
          incidentId: id,
          version,
          publicUpdateEvery: every,
          internalUpdateEvery: pick([null, 30, 1440]),
          reason: 'Agreed.',
        });
      else await useCurrentPolicies(ctx, { incidentId: id, version, reason: 'Agreed.' });
    },
    async () => {
      if (chance() < 0.7) return;
      const leap = pick([DAY, 3 * DAY, -DAY, -HOUR]);
      if (leap < 0) seen.back++;
      ctx.clock.advance(leap);
      note(`leap of ${leap / HOUR} h`);
    },
  ];
  for (let step = 0; step < STEPS; step++) {
    ctx.clock.advance(Math.floor(chance() ** 3 * 4 * HOUR) + 1000);
    if (chance() < 0.6) await tick();
    await pick(steps)();
  }
  await tick();
  return seen;
}

eachDatabase('the clocks of an incident, whatever comes between', (fresh) => {
  it('calls once about each thing, leaves nothing owed unheard, and lets no word inside silence what is due outside', async () => {
    const total = { calls: 0, moved: 0, held: 0, back: 0, reopened: 0 };
    for (let seed = 1, last = 1; seed <= last; seed++) {
      const house = await nightHouse(fresh);
      last = house.db.dialect === 'sqlite' ? 40 : 5;
      const seen = await live(seed, house);
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += seen[key];
    }
    for (const [what, times] of Object.entries(total)) expect(times, what).toBeGreaterThan(0);
  });
});
