import { takeOver } from '#services/handover.ts';
import { assignRole, correctComponents, getIncident } from '#services/incidents.ts';
import type { Plot } from './script.ts';
import { SEV1 } from './sev1.ts';

const PARTS: Record<string, string> = {
  Ana: 'on duty as comms lead until 14:00',
  Ben: 'second on duty all day',
  Dora: 'on duty as comms lead from 14:00',
};

/** Nothing about it is as it first seemed. */
export const TURNS: Plot = {
  title: 'An incident that turns. All times are UTC, as the page’s.',
  cast: SEV1.cast.map(({ name, part }) => ({ name, part: PARTS[name] ?? part })),
  start: '2026-11-20T12:50:00.000Z',
  until: '2026-11-21T14:10:00.000Z',
  duty: [
    {
      from: '2026-11-20T12:50:00.000Z',
      to: '2026-11-20T14:00:00.000Z',
      primary: 'ana',
      second: 'ben',
      manager: 'mona',
    },
    {
      from: '2026-11-20T14:00:00.000Z',
      to: '2026-11-22T02:00:00.000Z',
      primary: 'dora',
      second: 'ben',
      manager: 'mona',
    },
  ],
  moments({ does, declares, says, id }, { checkout, search }) {
    const inside = { audience: 'internal' } as const;

    declares('13:00', 'rui', {
      title: 'Some pages are slow',
      severity: 'SEV3',
      summary: 'Checkout seems slow.',
      components: [{ id: checkout, status: 'degraded_performance' }],
    });
    does('13:03', 'ana', 'Ana is comms lead.', (ctx) =>
      assignRole(ctx, { incidentId: id(), role: 'comms_lead', userId: 'ana' }),
    );
    says('13:05', 'ana', 'Checkout is slow for some of you.');
    does('13:12', 'ana', 'Ana corrects the component: it is Search, not Checkout.', async (ctx) => {
      const { version } = await getIncident(ctx, id());
      await correctComponents(ctx, {
        incidentId: id(),
        version,
        components: [
          { id: checkout, status: 'operational' },
          { id: search, status: 'degraded_performance' },
        ],
      });
    });
    says('13:20', 'ana', 'It is Search that fails, for everyone. Checkout is well.', {
      severity: 'SEV1',
      components: [{ id: search, status: 'major_outage' }],
    });
    does('13:22', 'carla', 'Carla takes command.', (ctx) =>
      assignRole(ctx, { incidentId: id(), role: 'incident_commander', userId: 'carla' }),
    );
    says('13:30', 'carla', 'Our search provider does not answer.', inside);
    says('13:44', 'ana', 'Searching by name works again. Searching by text does not.', {
      severity: 'SEV2',
      components: [{ id: search, status: 'partial_outage' }],
    });
    // Her duty ends at 14:00. Dora is late, so Ben is asked.
    does('14:07', 'ben', 'Ben takes over.', (ctx) => takeOver(ctx, { incidentIds: [id()] }));
    says('14:10', 'carla', 'The provider has found it.', inside);
    says('14:20', 'ben', 'The cause lies with Lexico, who run our search. They are mending it.', {
      status: 'identified',
      nextUpdateBy: '2026-11-20T15:00:00.000Z',
    });
    says('14:38', 'carla', 'Lexico rolls back.', inside);
    says('14:50', 'ben', 'Lexico has mended it. We are watching it.', { status: 'monitoring' });
    says('15:10', 'ben', 'Search works again.', { status: 'resolved' });
    says('15:40', 'dora', 'Searching by text fails again. Lexico is on it.', { status: 'investigating' });
    says('15:45', 'carla', 'They rolled forward again.', inside);
    says('16:10', 'carla', 'Rolled back once more.', inside);
    says('16:14', 'dora', 'Lexico has mended it again. We are watching it.', { status: 'monitoring' });
    says('16:36', 'dora', 'Search works again, and Lexico stays with it.', { status: 'resolved' });
  },
};
