import type { Severity } from '#domain/severity.ts';
import type { IncidentStatus } from '#domain/status.ts';
import type { Touched } from './demoData.ts';

/** Something that is over: each update `after` so many minutes from the start, the last one its resolution. */
export type PastIncident = {
  title: string;
  severity: Severity;
  scope?: string;
  daysAgo: number;
  /** UTC */
  at: string;
  components: Touched;
  updates: readonly { after: number; status: IncidentStatus; body: string; components?: Touched }[];
};

export const PAST_INCIDENTS: readonly PastIncident[] = [
  {
    title: 'Delayed webhooks',
    severity: 'SEV3',
    daysAgo: 3,
    at: '10:12',
    components: [['Webhooks', 'degraded_performance']],
    updates: [
      {
        after: 9,
        status: 'investigating',
        body: 'Webhooks arrive up to 15 minutes late. None are lost: each one is waiting its turn. The APIs answer as usual.',
      },
      {
        after: 26,
        status: 'identified',
        body: 'One of the queues that feed webhooks stopped taking new work. We have started another and the backlog is shrinking.',
      },
      {
        after: 41,
        status: 'monitoring',
        body: 'New webhooks are on time again. About 4,000 late ones are still going out.',
      },
      {
        after: 57,
        status: 'resolved',
        body: 'Every late webhook has been delivered, and new ones arrive within seconds. Late ones carry their original time, so nothing needs to be done on your side.',
      },
    ],
  },
  {
    title: 'Sign-in with a company account fails',
    severity: 'SEV2',
    daysAgo: 9,
    at: '07:41',
    components: [
      ['Single sign-on', 'major_outage'],
      ['Sign-in', 'degraded_performance'],
    ],
    updates: [
      {
        after: 4,
        status: 'investigating',
        body: 'Staff who sign in through their company’s identity provider see an error. Signing in with a password works, and so do all shops.',
      },
      {
        after: 22,
        status: 'identified',
        body: 'A certificate that we use to check sign-ins was replaced at 07:40 UTC, and part of our service still expects the old one. We are putting the new one everywhere.',
      },
      {
        after: 38,
        status: 'monitoring',
        body: 'Company sign-in works again for everyone we have asked. We are watching the next half hour.',
        components: [
          ['Single sign-on', 'degraded_performance'],
          ['Sign-in', 'operational'],
        ],
      },
      {
        after: 71,
        status: 'resolved',
        body: 'Company sign-in has worked without errors since 08:19 UTC. From now on both certificates are accepted for a week whenever one changes.',
      },
    ],
  },
  {
    title: 'Product search misses new products',
    severity: 'SEV3',
    daysAgo: 13,
    at: '15:05',
    components: [['Product search', 'degraded_performance']],
    updates: [
      {
        after: 31,
        status: 'identified',
        body: 'Products added since 15:05 UTC do not show up in search yet. They can be opened and bought by their address, and everything added before is found as usual.',
      },
      {
        after: 124,
        status: 'monitoring',
        body: 'The index is catching up. Products added before 16:30 UTC can be found now.',
      },
      {
        after: 178,
        status: 'resolved',
        body: 'Search is up to date. Newly added products appear at once again.',
      },
    ],
  },
  {
    title: 'Slow pages in Asia',
    severity: 'SEV2',
    scope: 'Singapore and Tokyo',
    daysAgo: 19,
    at: '02:18',
    components: [
      ['Asia (Singapore)', 'partial_outage'],
      ['Asia (Tokyo)', 'degraded_performance'],
      ['Product pages', 'degraded_performance'],
    ],
    updates: [
      {
        after: 5,
        status: 'investigating',
        body: 'Shops served from Singapore and Tokyo take up to ten seconds to open a page, and about one page in twelve fails. Orders that go through are safe. Other regions work as usual.',
      },
      {
        after: 29,
        status: 'identified',
        body: 'A network provider in Singapore is losing traffic. We are sending it over a second provider.',
      },
      {
        after: 52,
        status: 'monitoring',
        body: 'Pages open at their usual speed from both regions.',
        components: [
          ['Asia (Singapore)', 'degraded_performance'],
          ['Asia (Tokyo)', 'operational'],
          ['Product pages', 'operational'],
        ],
      },
      {
        after: 96,
        status: 'resolved',
        body: 'Both regions have been fast and free of errors since 03:10 UTC. We stay on the second provider until the first confirms its repair.',
      },
    ],
  },
  {
    title: 'Wrong currency shown in some invoices',
    severity: 'SEV4',
    daysAgo: 22,
    at: '11:30',
    components: [['Invoices', 'degraded_performance']],
    updates: [
      {
        after: 55,
        status: 'identified',
        body: 'Invoices in Swiss francs show the sign for euros. Amounts, taxes and what was charged are right: only the sign is wrong.',
      },
      {
        after: 410,
        status: 'resolved',
        body: 'New invoices show the right sign, and the 212 wrong ones have been made again. You find the new versions under the same numbers.',
      },
    ],
  },
  {
    title: 'Shipping labels cannot be printed',
    severity: 'SEV2',
    daysAgo: 28,
    at: '09:02',
    components: [
      ['Shipping labels', 'major_outage'],
      ['Orders', 'degraded_performance'],
    ],
    updates: [
      {
        after: 5,
        status: 'investigating',
        body: 'Shipping labels for parcels cannot be made for any carrier. Orders come in as usual and are kept; only their labels wait.',
      },
      {
        after: 33,
        status: 'identified',
        body: 'The service that makes labels cannot reach the carriers since a change of ours at 08:55 UTC. We are taking that change back.',
      },
      {
        after: 46,
        status: 'monitoring',
        body: 'Labels can be made again. If a label failed before, please ask for it once more.',
        components: [
          ['Shipping labels', 'operational'],
          ['Orders', 'operational'],
        ],
      },
      {
        after: 78,
        status: 'resolved',
        body: 'All carriers have accepted labels since 09:48 UTC. Changes to this service now go to one carrier first, and to the others an hour later.',
      },
    ],
  },
  {
    title: 'Live chat cannot be reached',
    severity: 'SEV3',
    daysAgo: 34,
    at: '13:20',
    components: [['Live chat', 'major_outage']],
    updates: [
      {
        after: 12,
        status: 'identified',
        body: 'Live chat does not open. The company that runs it for us is repairing it. You reach us by mail and phone at the usual times.',
      },
      {
        after: 68,
        status: 'resolved',
        body: 'Live chat opens again. Conversations from before 13:20 UTC are all there.',
      },
    ],
  },
  {
    title: 'Card payments declined in North America',
    severity: 'SEV1',
    scope: 'United States and Canada',
    daysAgo: 41,
    at: '18:34',
    components: [
      ['Card payments', 'major_outage'],
      ['Checkout', 'partial_outage'],
      ['US East (Virginia)', 'partial_outage'],
      ['US West (Oregon)', 'degraded_performance'],
    ],
    updates: [
      {
        after: 4,
        status: 'investigating',
        body: 'About half of all card payments in the United States and Canada are declined. Customers are not charged when this happens. Gift cards and payments elsewhere work.',
      },
      {
        after: 19,
        status: 'identified',
        body: 'One of our two card networks rejects payments. We are moving all North American payments to the other one.',
      },
      {
        after: 41,
        status: 'identified',
        body: 'Four in five payments now use the second network and go through. The rest follows by 19:45 UTC.',
        components: [
          ['Card payments', 'partial_outage'],
          ['Checkout', 'degraded_performance'],
          ['US East (Virginia)', 'degraded_performance'],
          ['US West (Oregon)', 'operational'],
        ],
      },
      {
        after: 66,
        status: 'monitoring',
        body: 'All card payments go through. We are watching for an hour, because the evening is the busiest time there.',
        components: [
          ['Card payments', 'degraded_performance'],
          ['Checkout', 'operational'],
          ['US East (Virginia)', 'operational'],
        ],
      },
      {
        after: 131,
        status: 'resolved',
        body: 'Card payments have worked normally since 19:40 UTC. Between 18:34 and 19:40 UTC about 11,300 payments were declined; none of these customers were charged. What we learned, and what we change, will be published on this page.',
      },
    ],
  },
  {
    title: 'Exports take hours',
    severity: 'SEV3',
    daysAgo: 47,
    at: '06:15',
    components: [['Reports and exports', 'degraded_performance']],
    updates: [
      {
        after: 48,
        status: 'investigating',
        body: 'Exports that usually take minutes wait for hours. They do finish. Reports on the screen are up to date.',
      },
      {
        after: 190,
        status: 'monitoring',
        body: 'Two very large exports held up everyone else’s. Large ones now run on their own, and the waiting ones are going through.',
      },
      { after: 255, status: 'resolved', body: 'All waiting exports are done, and new ones start at once.' },
    ],
  },
  {
    title: 'Some password reset mails arrive late',
    severity: 'SEV3',
    daysAgo: 52,
    at: '16:40',
    components: [['Password reset', 'degraded_performance']],
    updates: [
      {
        after: 22,
        status: 'identified',
        body: 'Mails with password reset links to one large mail provider arrive up to 40 minutes late. The links stay valid for two hours, so late ones still work.',
      },
      {
        after: 135,
        status: 'resolved',
        body: 'Reset mails arrive without delay again, at every provider.',
      },
    ],
  },
  {
    title: 'Stock levels fall behind',
    severity: 'SEV2',
    daysAgo: 58,
    at: '04:55',
    components: [
      ['Warehouse sync', 'partial_outage'],
      ['Orders', 'degraded_performance'],
    ],
    updates: [
      {
        after: 5,
        status: 'investigating',
        body: 'Stock levels from about a third of connected warehouses are up to an hour old, so a product may show as available after it has sold out. Orders themselves are taken and kept.',
      },
      {
        after: 47,
        status: 'identified',
        body: 'A disk in the service that reads warehouse messages is full. We are adding room and reading what waits, oldest first.',
      },
      {
        after: 88,
        status: 'monitoring',
        body: 'Levels are at most five minutes old everywhere.',
        components: [
          ['Warehouse sync', 'degraded_performance'],
          ['Orders', 'operational'],
        ],
      },
      {
        after: 140,
        status: 'resolved',
        body: 'Stock levels are current again for every warehouse. 63 orders were taken for products that had sold out; each shop concerned has a list of its own in its inbox. An alarm now rings well before such a disk is full.',
      },
    ],
  },
  {
    title: 'GraphQL API returns errors for large queries',
    severity: 'SEV3',
    daysAgo: 63,
    at: '12:08',
    components: [['GraphQL API', 'degraded_performance']],
    updates: [
      {
        after: 25,
        status: 'investigating',
        body: 'Queries that ask for more than 250 items at once often end in an error. Smaller ones work, and so does the REST API.',
      },
      {
        after: 74,
        status: 'resolved',
        body: 'Large queries work again. A limit had been set too low in a release at 12:00 UTC; it is back where the documentation says.',
      },
    ],
  },
  {
    title: 'Sandbox shops are unavailable',
    severity: 'SEV3',
    daysAgo: 69,
    at: '08:30',
    components: [['Sandbox', 'major_outage']],
    updates: [
      {
        after: 15,
        status: 'identified',
        body: 'Test shops do not open, because the machines they run on restarted at the same time. Live shops run elsewhere and are well.',
      },
      { after: 62, status: 'resolved', body: 'All test shops are open again, with the data they had.' },
    ],
  },
  {
    title: 'Errors in Frankfurt',
    severity: 'SEV1',
    scope: 'Shops served from Frankfurt',
    daysAgo: 76,
    at: '20:11',
    components: [
      ['Europe (Frankfurt)', 'major_outage'],
      ['Product pages', 'partial_outage'],
      ['Checkout', 'partial_outage'],
      ['REST API', 'partial_outage'],
    ],
    updates: [
      {
        after: 3,
        status: 'investigating',
        body: 'Shops served from Frankfurt do not open for most visitors. Shops in other regions work as usual.',
      },
      {
        after: 15,
        status: 'identified',
        body: 'One of three data centres in Frankfurt lost power. We are moving its shops to the other two, the busiest first.',
      },
      {
        after: 37,
        status: 'identified',
        body: 'Seven in ten shops are open again.',
        components: [
          ['Europe (Frankfurt)', 'partial_outage'],
          ['Product pages', 'degraded_performance'],
          ['Checkout', 'degraded_performance'],
          ['REST API', 'degraded_performance'],
        ],
      },
      {
        after: 58,
        status: 'monitoring',
        body: 'All shops are open. Pages may be a little slower while caches fill.',
        components: [
          ['Europe (Frankfurt)', 'degraded_performance'],
          ['Product pages', 'operational'],
          ['Checkout', 'operational'],
          ['REST API', 'operational'],
        ],
      },
      {
        after: 118,
        status: 'resolved',
        body: 'Everything in Frankfurt has run normally since 21:09 UTC, on two data centres out of three. No orders or payments were lost. We are going through what happened and will publish it here.',
      },
    ],
  },
  {
    title: 'Recommendations show unrelated products',
    severity: 'SEV4',
    daysAgo: 81,
    at: '09:50',
    components: [['Recommendations', 'degraded_performance']],
    updates: [
      {
        after: 70,
        status: 'identified',
        body: '“You may also like” shows the same twelve products everywhere. Nothing else is affected.',
      },
      {
        after: 320,
        status: 'resolved',
        body: 'Recommendations fit again. They are now checked each night before they are shown.',
      },
    ],
  },
  {
    title: 'Refunds take longer than usual',
    severity: 'SEV3',
    daysAgo: 87,
    at: '10:25',
    components: [['Refunds', 'degraded_performance']],
    updates: [
      {
        after: 35,
        status: 'identified',
        body: 'Refunds to cards are accepted but reach customers up to a day later than usual. The bank that passes them on has a backlog and is working it off.',
      },
      { after: 460, status: 'monitoring', body: 'The bank’s backlog is down to an hour.' },
      {
        after: 590,
        status: 'resolved',
        body: 'Refunds reach customers at their usual speed. Every delayed one has arrived.',
      },
    ],
  },
  {
    title: 'Mobile apps sign people out',
    severity: 'SEV3',
    daysAgo: 95,
    at: '14:45',
    components: [
      ['Mobile apps', 'degraded_performance'],
      ['Sign-in', 'degraded_performance'],
    ],
    updates: [
      {
        after: 28,
        status: 'investigating',
        body: 'The mobile apps ask people to sign in again every few minutes. The website is not affected.',
      },
      {
        after: 92,
        status: 'monitoring',
        body: 'We have put back the setting that caused it. Anyone signed out needs to sign in once more.',
      },
      { after: 130, status: 'resolved', body: 'The apps keep people signed in again.' },
    ],
  },
  {
    title: 'Help centre is down',
    severity: 'SEV4',
    daysAgo: 104,
    at: '22:10',
    components: [
      ['Help centre', 'major_outage'],
      ['Documentation', 'partial_outage'],
    ],
    updates: [
      {
        after: 18,
        status: 'identified',
        body: 'The help centre and parts of the documentation do not open. Shops, payments and the APIs are not affected.',
      },
      { after: 51, status: 'resolved', body: 'Both open again.' },
    ],
  },
];

/** Planned work that is over; in hours from its start, which was at `at` (UTC) so many days ago. */
export type PastMaintenance = {
  title: string;
  daysAgo: number;
  at: string;
  hours: number;
  components: readonly string[];
  announcement: string;
  ending: string;
};

export const PAST_MAINTENANCES: readonly PastMaintenance[] = [
  {
    title: 'New machines for exports',
    daysAgo: 31,
    at: '03:00',
    hours: 2,
    components: ['Reports and exports'],
    announcement:
      'Exports pause for up to an hour while they move to larger machines. Those asked for meanwhile start when it is done.',
    ending: 'Exports run on the new machines. It took 40 minutes.',
  },
  {
    title: 'Partner portal upgrade',
    daysAgo: 66,
    at: '05:00',
    hours: 1,
    components: ['Partner portal'],
    announcement: 'The partner portal can be read but not changed for up to an hour.',
    ending: 'The upgrade is done, and the portal can be used in full.',
  },
];
