import { assignRole, getIncident } from '#services/incidents.ts';
import { unsubscribe } from '#services/leaving.ts';
import { setOwnPace } from '#services/policies.ts';
import { haveIt } from '#services/staffCalls.ts';
import type { Plot } from './script.ts';

/** The first word is late, one in the midst is missed, and it lasts for longer than six hours. */
export const SEV1: Plot = {
  title: 'A SEV1 of six hours, in the night. All times are UTC, as the page’s.',
  cast: [
    { name: 'Ana', part: 'on duty as comms lead' },
    { name: 'Ben', part: 'second on duty' },
    { name: 'Carla', part: 'a responder, who takes command' },
    { name: 'Mona', part: 'manager on duty' },
    { name: 'Dora', part: 'may post, and is not on duty' },
    { name: 'Rui', part: 'a responder, who declares it' },
    { name: 'Jonas', part: 'contact of both accounts' },
    { name: 'Eva', part: 'executives' },
    { name: 'Marc', part: 'managers' },
    { name: 'Sue', part: 'support' },
    { name: 'Ann', part: 'of Acme, an account that uses Checkout' },
    { name: 'Gus', part: 'of Globex, an account that uses Search' },
    { name: 'Pia', part: 'subscriber, as it matters' },
    { name: 'Cleo', part: 'subscriber of Checkout alone, as it matters' },
    { name: 'Cora', part: 'subscriber of Checkout alone, every update' },
    { name: 'Otis', part: 'subscriber of Search alone, as it matters' },
    { name: 'Elin', part: 'subscriber, every update' },
    { name: 'Uma', part: 'subscriber, every update, until she has had enough' },
    { name: 'Imre', part: 'subscriber, the important ones' },
    { name: 'Dee', part: 'subscriber, once a day' },
    { name: 'Dai', part: 'subscriber, once a day, in New York (five hours behind)' },
    { name: 'Webhook', part: 'a webhook, called with every update' },
  ],
  start: '2026-11-20T02:00:00.000Z',
  until: '2026-11-21T09:10:00.000Z',
  duty: [
    {
      from: '2026-11-20T02:00:00.000Z',
      to: '2026-11-22T02:00:00.000Z',
      primary: 'ana',
      second: 'ben',
      manager: 'mona',
    },
  ],
  moments({ does, declares, says, id }, { checkout, leaveToken }, stage) {
    const inside = { audience: 'internal' } as const;
    const holding = { holding: true };

    declares('02:10', 'rui', {
      title: 'Checkout is failing',
      severity: 'SEV1',
      summary: 'Payments time out.',
      components: [{ id: checkout, status: 'major_outage' }],
    });
    does('02:17', 'carla', 'Carla takes command.', (ctx) =>
      assignRole(ctx, { incidentId: id(), role: 'incident_commander', userId: 'carla' }),
    );
    does('02:31', 'ben', 'Ben wakes up first and says “I have it”.', (ctx) =>
      haveIt(ctx, { incidentId: id(), clock: 'public' }),
    );
    says('02:34', 'ben', 'Nobody can pay. We are looking into it.');
    says('02:36', 'carla', 'We suspect the payment gateway.', inside);
    does('02:40', 'ana', 'Ana is awake, and is comms lead from now on.', (ctx) =>
      assignRole(ctx, { incidentId: id(), role: 'comms_lead', userId: 'ana' }),
    );
    says('02:50', 'carla', 'The gateway is innocent. It is the database.', inside);
    says('02:58', 'ana', 'We are still looking for the cause.', holding);
    says('03:04', 'ana', 'Payments by card fail. Invoices work.', { workaround: 'Pay by invoice.' });
    says('03:05', 'carla', 'The replicas disagree.', inside);
    says('03:06', 'ana', 'Payments by wallet fail, too.');
    says('03:20', 'ana', 'A database ran full. We make room.', { status: 'identified' });
    says('03:22', 'carla', 'There should be room by 05:00.', inside);
    // The one that is missed: everyone is at the database.
    does('04:01', 'carla', 'Carla says “I have it”, and has Ana woken.', (ctx) =>
      haveIt(ctx, { incidentId: id(), clock: 'public' }),
    );
    says('04:06', 'ana', 'We go on making room. It takes longer than we thought.');
    says('04:08', 'carla', 'Half of it is moved.', inside);
    does('04:20', 'visitor', 'Uma unsubscribes, by the link in her last mail.', (ctx) =>
      unsubscribe(ctx, leaveToken(stage, 'uma')),
    );
    says('04:22', 'carla', 'Three quarters are moved.', inside);
    for (const [at, body] of [
      ['04:34', 'Nothing new: room is being made.'],
      ['05:02', 'Nothing new: room is still being made.'],
      ['05:30', 'The first half of the database is back.'],
      ['05:58', 'The second half follows.'],
      ['06:26', 'The second half takes until eight.'],
      ['06:54', 'The second half is on its way.'],
      ['07:22', 'Still on its way, as planned.'],
      ['07:50', 'The last tables are being checked.'],
    ] as const)
      says(at, 'ana', body);
    for (const [at, body] of [
      ['04:36', 'All data is moved.'],
      ['04:50', 'Indexes are built.'],
      ['05:04', 'Index 1 of 6.'],
      ['05:18', 'Index 2 of 6.'],
      ['05:32', 'Index 3 of 6.'],
      ['05:46', 'Index 4 of 6.'],
      ['06:00', 'Index 5 of 6.'],
      ['06:14', 'Index 6 of 6.'],
      ['06:28', 'Caches are warming up.'],
      ['06:42', 'Half of the caches are warm.'],
      ['06:56', 'Caches fill up.'],
      ['07:10', 'Three caches of four.'],
      ['07:24', 'Caches are warm.'],
      ['07:38', 'Traffic at a tenth.'],
      ['07:52', 'Traffic at a third.'],
      ['08:06', 'Traffic at a half.'],
    ] as const)
      says(at, 'carla', body, inside);
    does('08:14', 'ana', 'Ana states a slower pace: an update an hour, and none inside.', async (ctx) => {
      const { version } = await getIncident(ctx, id());
      await setOwnPace(ctx, {
        incidentId: id(),
        version,
        publicUpdateEvery: 60,
        internalUpdateEvery: null,
        reason: 'All that is left is to wait.',
      });
    });
    says('08:16', 'ana', 'Half of the payments work. We go on slowly.');
    says('08:24', 'ana', 'All payments work. We are watching it.', { status: 'monitoring' });
    says('08:44', 'ana', 'Checkout works again.', { status: 'resolved' });
  },
};
