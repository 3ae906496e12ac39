import type { StatuspageSource } from '#domain/statuspage.ts';

/** An invented page, as untidy as real ones are: each record has one or two faults, named in the comment before it. */
export function untidySource(): Required<StatuspageSource> {
  return structuredClone(SOURCE);
}

const SOURCE = {
  page: {
    id: 'pagepagepage',
    name: 'Lighthouse',
    url: 'https://status.lighthouse.example',
    time_zone: 'Europe/Berlin',
    updated_at: '2026-10-01T00:00:00.000Z',
  },
  components: [
    { id: 'grpgrpgrpgrp', name: 'Shop', group: true, position: 1, created_at: '2020-01-01T00:00:00.000Z' },
    component('cmpsearch001', 'Search', 1, { group_id: 'grpgrpgrpgrp' }),
    component('cmpcheckout1', 'Checkout', 2, { group_id: 'grpgrpgrpgrp', start_date: '2021-06-01' }),
    // Its group does not exist.
    component('cmppayments1', 'Payments', 3, { group_id: 'nowherenowhe' }),
    // A signpost, not a part of the service.
    component('cmpsignpost1', 'Visit www.lighthouse.example for more', 4, { showcase: false }),
    // Unwell, though no open incident says why.
    component('cmpwebhooks1', 'Web &amp; Hooks', 5, { status: 'partial_outage' }),
    // No name.
    { id: 'cmpnoname001', group: false, position: 6 },
  ],
  incidents: [
    // Newest update first; a status of "update"; HTML; status changes told by its updates; backdated display.
    {
      id: 'incmodern001',
      name: 'Search is slow &amp; sometimes empty',
      status: 'resolved',
      impact: 'major',
      created_at: '2026-09-01T10:00:00.000Z',
      updated_at: '2026-09-02T09:00:00.000Z',
      started_at: '2026-09-01T10:00:00.000Z',
      monitoring_at: '2026-09-01T10:40:00.000Z',
      resolved_at: '2026-09-01T11:00:00.000Z',
      shortlink: 'https://stspg.example/a',
      incident_updates: [
        {
          id: 'updmodern003',
          status: 'resolved',
          body: 'Fixed.<br /><br />Read <a href="https://lighthouse.example/why">what happened</a>: &lt;0.1% of users saw refs/* and <1% more.',
          created_at: '2026-09-01T11:00:00.000Z',
          updated_at: '2026-09-02T09:00:00.000Z',
          display_at: '2026-09-01T11:00:00.000Z',
          affected_components: [change('cmpsearch001', 'Search', 'operational', 'operational')],
        },
        {
          id: 'updmodern002',
          status: 'update',
          body: 'Getting better.\u0000\u202e',
          created_at: '2026-09-01T10:45:00.000Z',
          display_at: '2026-09-01T10:40:00.000Z',
          affected_components: [change('cmpsearch001', 'Search', 'major_outage', 'degraded_performance')],
        },
        {
          id: 'updmodern001',
          status: 'identified',
          body: 'Search does not answer.',
          created_at: '2026-09-01T10:05:00.000Z',
          display_at: null,
          affected_components: [
            change('cmpsearch001', 'Search', 'operational', 'major_outage'),
            change('cmpcheckout1', 'Checkout', 'operational', 'operational'),
          ],
        },
      ],
      components: [],
    },
    // Old: no start, ids that repeat across incidents, components in words and fragments, oldest update first.
    {
      id: 'incoldone001',
      name: 'Trouble with search,\ncheckout and payments',
      status: 'resolved',
      impact: 'minor',
      created_at: '2021-03-04T08:00:00.000Z',
      updated_at: '2021-03-04T09:00:00.000Z',
      resolved_at: '2021-03-04T09:00:00.000Z',
      started_at: null,
      incident_updates: [
        oldUpdate('update_1', 'investigating', 'Looking into it.', '2021-03-04T08:00:00.000Z'),
        oldUpdate('update_0', 'resolved', 'Over.', '2021-03-04T09:00:00.000Z'),
      ],
      components: [
        oldComponent('search_and_checkout', 'Search and Checkout'),
        oldComponent('and_payments', 'and Payments'),
        oldComponent('teleporter', 'Teleporter'),
      ],
    },
    // Open in the source although the resolution came in the same minute as its last words.
    {
      id: 'incminute001',
      name: 'Checkout errors',
      status: 'investigating',
      impact: 'critical',
      created_at: '2022-05-01T10:00:00.000Z',
      updated_at: '2022-05-01T11:00:00.000Z',
      resolved_at: null,
      incident_updates: [
        oldUpdate('update_2', 'investigating', 'Looking into it.', '2022-05-01T10:00:00.000Z'),
        oldUpdate('update_1', 'resolved', 'This is resolved.', '2022-05-01T11:00:00.000Z'),
        oldUpdate('update_0', 'investigating', 'Between 10:00 and 11:00 ...', '2022-05-01T11:00:00.000Z'),
      ],
      components: [oldComponent('checkout', 'checkout')],
    },
    // Planned work under incidents, silent for years.
    {
      id: 'incforgotten',
      name: 'Imports are paused',
      status: 'investigating',
      impact: 'maintenance',
      created_at: '2022-03-24T16:00:00.000Z',
      updated_at: '2022-03-24T16:00:00.000Z',
      incident_updates: [oldUpdate('update_0', 'update', 'Paused until 20:30.', '2022-03-24T16:00:00.000Z')],
      components: [],
    },
    // Truly open.
    {
      id: 'incstillopen',
      name: 'Payments are declined',
      status: 'monitoring',
      impact: 'minor',
      created_at: '2026-09-30T20:00:00.000Z',
      updated_at: '2026-09-30T21:00:00.000Z',
      started_at: '2026-09-30T19:50:00.000Z',
      incident_updates: [
        {
          id: 'updopen00001',
          status: 'Monitoring',
          body: 'We moved to another provider.',
          created_at: '2026-09-30T21:00:00.000Z',
          affected_components: [change('cmppayments1', 'Payments', 'operational', 'partial_outage')],
        },
      ],
      components: [],
    },
    // Written down afterwards: it starts after its own end. Times without a zone.
    {
      id: 'incbackdated',
      name: 'Late labels',
      status: 'resolved',
      impact: 'none',
      created_at: '2026-01-10 12:00:00',
      updated_at: '2026-01-12 09:00:00',
      started_at: '2026-01-12 09:00:00',
      resolved_at: '2026-01-10 12:00:00',
      incident_updates: [
        { id: 'updbackdate1', status: 'resolved', body: '', created_at: '2026-01-10 12:00:00' },
      ],
      components: [],
    },
    // An unknown status and impact, updates under one id, one of them twice over, no time of its end.
    {
      id: 'incstrange01',
      name: 'Strange',
      status: 'resolved',
      impact: 'catastrophic',
      created_at: '2024-01-01T00:00:00.000Z',
      updated_at: '2024-01-01T02:00:00.000Z',
      incident_updates: [
        oldUpdate('update_0', 'pondering', 'Hm.', '2024-01-01T00:00:00.000Z'),
        oldUpdate('update_0', 'resolved', 'Gone.', '2024-01-01T01:00:00.000Z'),
        oldUpdate('update_0', 'resolved', 'Gone.', '2024-01-01T01:00:00.000Z'),
        'scribble',
      ],
      components: [],
    },
    // An id that no address can hold.
    {
      id: '../../etc',
      name: 'Odd id',
      status: 'resolved',
      impact: 'minor',
      created_at: '2024-02-01T00:00:00.000Z',
      resolved_at: '2024-02-01T01:00:00.000Z',
      incident_updates: [oldUpdate('update_0', 'resolved', 'Done.', '2024-02-01T01:00:00.000Z')],
    },
    // No time at all, and not a record at all.
    { id: 'inctimeless1', name: 'Timeless', status: 'resolved', impact: 'minor', incident_updates: [] },
    42,
  ],
  maintenances: [
    {
      id: 'mntplanned01',
      name: 'Database upgrade',
      status: 'scheduled',
      impact: 'maintenance',
      created_at: '2026-09-20T00:00:00.000Z',
      updated_at: '2026-09-20T00:00:00.000Z',
      scheduled_for: '2026-10-10T02:00:00.000Z',
      scheduled_until: '2026-10-10T04:00:00.000Z',
      incident_updates: [
        {
          id: 'updplanned01',
          status: 'scheduled',
          body: 'Payments pause for half an hour.',
          created_at: '2026-09-20T00:00:00.000Z',
        },
      ],
      components: [component('cmppayments1', 'Payments', 3, { group_id: 'nowherenowhe' })],
    },
  ],
};

function component(id: string, name: string, position: number, more: object = {}) {
  return {
    id,
    name,
    position,
    status: 'operational',
    created_at: '2020-01-01T00:00:00.000Z',
    updated_at: '2026-01-01T00:00:00.000Z',
    description: null,
    showcase: true,
    start_date: null,
    group_id: null,
    group: false,
    only_show_if_degraded: false,
    ...more,
  };
}

function change(code: string, name: string, old_status: string, new_status: string) {
  return { code, name, old_status, new_status };
}

function oldComponent(code: string, name: string) {
  return { code, name, old_status: 'operational', new_status: 'degraded_performance' };
}

function oldUpdate(id: string, status: string, body: string, created_at: string) {
  return { id, status, body, created_at, displayed_at: null };
}
