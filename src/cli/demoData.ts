import type { Role } from '#domain/permissions.ts';
import type { AudienceId } from '#domain/severity.ts';
import type { ComponentStatus } from '#domain/status.ts';

/** Who and what Harbour is: an invented shop platform. What happened to it is in demoHistory.ts and demoNow.ts. */
export const PAGE = {
  name: 'Harbour',
  timeZone: 'UTC',
  supportUrl: 'https://help.harbour.example/',
  uptimeWeight: 0.3,
  showKept: true,
  releaseSeconds: 10,
};

/** Everyone signs in with this. */
export const DEMO_PASSWORD = 'three grey gulls';

export type Person = { name: string; email: string; role: Role };
export const PEOPLE = {
  mara: { name: 'Mara Lindqvist', email: 'owner@harbour.example', role: 'owner' },
  jonas: { name: 'Jonas Weber', email: 'comms@harbour.example', role: 'comms' },
  priya: { name: 'Priya Raman', email: 'responder@harbour.example', role: 'responder' },
  sam: { name: 'Sam Osei', email: 'sam@harbour.example', role: 'responder' },
  lena: { name: 'Lena Fischer', email: 'lena@harbour.example', role: 'responder' },
  tom: { name: 'Tom Okafor', email: 'tom@harbour.example', role: 'viewer' },
} as const satisfies Record<string, Person>;
export type PersonId = keyof typeof PEOPLE;

export type Part = { name: string; description?: string; upstream?: { name: string; url: string } };
export type Group = { name: string; description: string; components: readonly Part[] };

/** In the order of the page; 42 components. */
export const GROUPS: readonly Group[] = [
  {
    name: 'Shop',
    description: 'What your customers see',
    components: [
      { name: 'Checkout', description: 'From the cart to the order confirmation' },
      { name: 'Cart' },
      { name: 'Product search' },
      { name: 'Product pages' },
      { name: 'Recommendations' },
      { name: 'Gift cards', description: 'Buying and spending them' },
    ],
  },
  {
    name: 'Accounts',
    description: 'Signing in and looking after an account',
    components: [
      { name: 'Sign-in' },
      { name: 'Single sign-on', description: 'SAML and OpenID Connect for staff accounts' },
      { name: 'Profile and settings' },
      { name: 'Password reset' },
    ],
  },
  {
    name: 'Payments',
    description: 'Money in and money out',
    components: [
      { name: 'Card payments', description: 'Credit and debit cards, in the shop and over the API' },
      { name: 'Bank transfers', upstream: { name: 'Northbank', url: 'https://status.northbank.example/' } },
      { name: 'Refunds' },
      { name: 'Payouts', description: 'Transfers of your balance to your bank' },
      { name: 'Invoices' },
    ],
  },
  {
    name: 'Fulfilment',
    description: 'From the order to the doorstep',
    components: [
      { name: 'Orders' },
      { name: 'Shipping labels' },
      { name: 'Tracking' },
      { name: 'Returns' },
      { name: 'Warehouse sync', description: 'Stock levels to and from your warehouse' },
    ],
  },
  {
    name: 'Developer platform',
    description: 'What you build on',
    components: [
      { name: 'REST API' },
      { name: 'GraphQL API' },
      { name: 'Webhooks' },
      { name: 'Sandbox', description: 'Test shops and test cards' },
      { name: 'SDK downloads' },
      { name: 'OAuth', description: 'Connecting apps to a shop' },
    ],
  },
  {
    name: 'Regions',
    description: 'Where shops are served from',
    components: [
      { name: 'Europe (Frankfurt)' },
      { name: 'Europe (Dublin)' },
      { name: 'US East (Virginia)' },
      { name: 'US West (Oregon)' },
      { name: 'Asia (Singapore)' },
      { name: 'Asia (Tokyo)' },
      { name: 'South America (São Paulo)' },
    ],
  },
  {
    name: 'Support and site',
    description: 'Help, and this page',
    components: [
      { name: 'Help centre' },
      { name: 'Live chat' },
      { name: 'Status mail', description: 'Mail from this page' },
      { name: 'Documentation' },
      { name: 'Community' },
      { name: 'Partner portal' },
      { name: 'Mobile apps' },
      { name: 'Reports and exports' },
      { name: 'Themes' },
    ],
  },
];

export const AUDIENCE_MEMBERS: Record<AudienceId, readonly { name: string; address: string }[]> = {
  executives: [
    { name: 'Ingrid Solberg', address: 'ingrid.solberg@harbour.example' },
    { name: 'Daniel Achterberg', address: 'daniel.achterberg@harbour.example' },
    { name: 'Yuki Tanabe', address: 'yuki.tanabe@harbour.example' },
  ],
  managers: [
    { name: 'Beatriz Moura', address: 'beatriz.moura@harbour.example' },
    { name: 'Owen Pryce', address: 'owen.pryce@harbour.example' },
    { name: 'Farah Nasser', address: 'farah.nasser@harbour.example' },
    { name: 'Mikkel Holm', address: 'mikkel.holm@harbour.example' },
    { name: 'Chidi Eze', address: 'chidi.eze@harbour.example' },
  ],
  support: [
    { name: 'Support Europe', address: 'support-europe@harbour.example' },
    { name: 'Support Americas', address: 'support-americas@harbour.example' },
    { name: 'Support Asia', address: 'support-asia@harbour.example' },
    { name: 'Rosa Delgado', address: 'rosa.delgado@harbour.example' },
    { name: 'Anton Kovács', address: 'anton.kovacs@harbour.example' },
    { name: 'Leila Haddad', address: 'leila.haddad@harbour.example' },
  ],
  accounts: [
    { name: 'Blue Heron Books', address: 'it@blueheron.example' },
    { name: 'Maison Perrin', address: 'exploitation@perrin.example' },
    { name: 'Kestrel Cycles', address: 'ecommerce@kestrel.example' },
  ],
};

/** Customers whom Jonas or Mara tells by name when a component of theirs is affected. */
export const ACCOUNTS: readonly {
  name: string;
  contact: PersonId;
  components: readonly string[];
  members: readonly { name: string; address: string }[];
}[] = [
  {
    name: 'Nordlicht Outdoor',
    contact: 'jonas',
    components: ['Checkout', 'Cart'],
    members: [
      { name: 'Greta Lind', address: 'operations@nordlicht.example' },
      { name: 'Pavel Horak', address: 'pavel.horak@nordlicht.example' },
    ],
  },
  {
    name: 'Casa Verde',
    contact: 'mara',
    components: ['Webhooks', 'Community'],
    members: [{ name: 'Inés Paredes', address: 'incidents@casaverde.example' }],
  },
];

const FIRST =
  'Alba Arlo Bruno Clara Cyrus Dalia Elif Emil Freya Goran Hana Hugo Ida Ivan Jana Joel Kaia Karim Lars Lina Malik Mei Nadia Nils Olga Omar Pia Quinn Rafa Rhea Sofia Tariq Uma Viktor Wanda Xenia Yara Yusuf Zoe Zora'.split(
    ' ',
  );
const LAST =
  'Abara Berg Castro Dunne Engel Ferrer Grant Haas Ibsen Joshi Keller Lund Mora Novak Okoye Petit Quist Reyes Silva Tamm Ueda Vance Weiss Young Zidan'.split(
    ' ',
  );
const SHOPS =
  'amberlane brightwick cobbleshop driftwood elmstreet fernhill goldfinch hazelmill ivoryquay juniperco'.split(
    ' ',
  );
/** What the fifth part of them asked for; everyone else has the whole page. */
const CHOICES = [
  'Payments',
  'Checkout;Card payments',
  'Developer platform',
  'Europe (Frankfurt)',
  'Fulfilment',
];

export const SUBSCRIBERS = 1_000;

/** A thousand people as the file that `foghorn import subscribers` reads. Every address is under a name reserved for examples. */
export function subscriberCsv(): string {
  const rows = Array.from({ length: SUBSCRIBERS }, (_, i) => {
    const first = FIRST[i % FIRST.length] as string;
    const last = LAST[Math.floor(i / FIRST.length) % LAST.length] as string;
    const shop = SHOPS[(i * 7 + Math.floor(i / 90)) % SHOPS.length] as string;
    const choice = i % 5 === 3 ? (CHOICES[Math.floor(i / 5) % CHOICES.length] as string) : '';
    const locale = i % 6 === 1 ? 'de' : 'en';
    const email = `${first}.${last}@${shop}.example`.toLowerCase();
    return `${email},${choice},${locale}`;
  });
  return `email,components,locale\n${rows.join('\n')}\n`;
}

export type Touched = readonly (readonly [component: string, status: ComponentStatus])[];
