import { BlockList, isIP } from 'node:net';
import { type Choice, concerns } from './choice.ts';
import type { Instant } from './time.ts';

/** Ways to be told that are not mail: a call to a URL. */
export const HOOK_CHANNELS = ['webhook', 'slack', 'teams', 'discord'] as const;
export type HookChannel = (typeof HOOK_CHANNELS)[number];

/** Everything that is called at a URL: a pager is for staff alone. */
export type PlaceChannel = HookChannel | 'pager';

export const CHANNEL_LABELS: Record<PlaceChannel, string> = {
  webhook: 'Webhook',
  slack: 'Slack',
  teams: 'Microsoft Teams',
  discord: 'Discord',
  pager: 'Pager',
};

export function isHookChannel(value: unknown): value is HookChannel {
  return HOOK_CHANNELS.includes(value as HookChannel);
}

/** What an installation allows beside https to public addresses. */
export type HookRules = {
  /** Plain http beside https. */
  allowHttp: boolean;
  /** Loopback, private and shared ranges too: for receivers in one's own network. */
  allowPrivate: boolean;
};

/** What webhooks and chats are told of a notice, rendered once; a channel's shape is what its own receivers read. */
export type HookPayload = {
  /** The calls that a webhook gets, in order: the incident, then a component each. */
  webhook: readonly Record<string, unknown>[];
  slack: Record<string, unknown>;
  teams: Record<string, unknown>;
  discord: Record<string, unknown>;
  /** The events that a pager gets, in order, without its routing key; left out where staff are not called. */
  pager?: readonly Record<string, unknown>[];
};

/**
 * The calls that one receiver gets, in order, each as the body that is sent: of components only what it chose. `nth` is the call's place
 * among all of them, the same whatever is left out.
 */
export function hookBodies(
  channel: PlaceChannel,
  payload: HookPayload,
  links: { unsubscribe: string; siteUrl: string; writtenAt: Instant },
  choice: Choice,
  /** Of a pager; null to see what it is told without it. */
  routingKey: string | null = null,
): { nth: number; body: string }[] {
  if (channel === 'pager')
    return (payload.pager ?? []).map((event, nth) => ({
      nth,
      body: JSON.stringify(routingKey === null ? event : { routing_key: routingKey, ...event }),
    }));
  // What was written before there was this channel has nothing for it.
  if (channel !== 'webhook')
    return payload[channel] ? [{ nth: 0, body: JSON.stringify(payload[channel]) }] : [];
  const meta = {
    unsubscribe: links.unsubscribe,
    documentation: `${links.siteUrl}/subscribe/webhook`,
    generated_at: links.writtenAt,
  };
  return payload.webhook.flatMap((call, nth) =>
    isWanted(call, choice) ? [{ nth, body: JSON.stringify({ meta, ...call }) }] : [],
  );
}

function isWanted(call: Record<string, unknown>, choice: Choice): boolean {
  const component = call.component as { id: string; group_id: string | null } | undefined;
  if (!component) return true;
  const { id, group_id: group } = component;
  return concerns(choice, { components: [id], groups: group === null ? [] : [group] });
}

const MAX_URL = 2_000;

/**
 * Reads a URL that is to be called. It comes back as the URL standard writes it, so that the same address is the same text.
 * @returns the address, or what is wrong with it in words
 */
export function readHookUrl(
  text: string,
  rules: HookRules,
): { url: string; problem: null } | { url: null; problem: string } {
  const wrong = (problem: string) => ({ url: null, problem });
  const typed = text.trim();
  if (!typed) return wrong('The address is empty. Write it as https://example.com/hook.');
  const url = typed.length <= MAX_URL && URL.canParse(typed) ? new URL(typed) : null;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what the URL standard drops in silence is refused
  if (!url || /[\x00-\x20\x7f]/.test(typed))
    return wrong('This is no web address. Write it as https://example.com/hook.');
  if (url.protocol !== 'https:' && !(rules.allowHttp && url.protocol === 'http:'))
    return wrong(
      rules.allowHttp
        ? 'Only https:// and http:// addresses can be called.'
        : 'Only https:// addresses can be called, so that nobody on the way reads along.',
    );
  if (url.username || url.password)
    return wrong('The address holds a user name or password. Leave it out: calls are signed instead.');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (NOT_FOR_HTTP.has(port)) return wrong(`Port ${port} is not for web servers, so it is not called.`);
  const host = hostOf(url);
  const addressWrong = isIP(host) ? addressProblem(host, rules) : nameProblem(host, rules);
  if (addressWrong) return wrong(addressWrong);
  url.hash = '';
  return { url: url.href, problem: null };
}

/** The host that a URL names, an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** Why this IP address must not be called, in words; null when it may be. */
export function addressProblem(
  address: string,
  { allowPrivate }: Pick<HookRules, 'allowPrivate'>,
): string | null {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (!isIP(address) || METADATA.check(address, family)) return NOWHERE;
  if (PRIVATE.check(address, family)) return allowPrivate ? null : INSIDE;
  return RESERVED.check(address, family) ? NOWHERE : null;
}

const INSIDE = 'It leads into a private network, so it is not called.';
const NOWHERE = 'It leads to an address that no web server outside has, so it is not called.';

function nameProblem(host: string, { allowPrivate }: HookRules): string | null {
  const name = host.replace(/\.$/, '').toLowerCase();
  if (!name) return 'The address names no host.';
  if (allowPrivate) return null;
  const isOutside =
    name.includes('.') &&
    !/(^|\.)(localhost|local|internal|intranet|lan|home\.arpa|test|invalid|onion)$/.test(name);
  return isOutside ? null : INSIDE;
}

/** Just enough of a URL for those who know it: its host, and of what follows the end. Of a chat all of it is a secret. */
export function maskHookUrl(address: string): string {
  const url = URL.parse(address);
  if (!url) return '…';
  const rest = url.pathname + url.search;
  return rest.length <= 1 ? `${url.origin}/` : `${url.origin}/…${rest.length > 12 ? rest.slice(-4) : ''}`;
}

/** What tells a machine in a cloud its secrets and does not stand among the link-local addresses, where the others are. */
const METADATA = rangesOf(['fd00:ec2::/32', 'fd20:ce::254/128', '100.100.100.200/32', '168.63.129.16/32']);

/** Ranges in which no receiver stands, whatever is allowed: unspecified, link-local, multicast, reserved. */
const RESERVED = rangesOf([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  // IPv6 forms that hold an IPv4 address: what they lead to is not for us to guess.
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2002::/16',
]);

/** One's own machine and network: only where the installation allows it. */
const PRIVATE = rangesOf([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '::1/128',
  'fc00::/7',
]);

function rangesOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address, bits] = range.split('/') as [string, string];
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** The ports that browsers refuse too (Fetch standard, "bad port"), and those of databases and remote desks. */
const NOT_FOR_HTTP = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1433, 1521, 1719, 1720,
  1723, 2049, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5900, 6000, 6379, 6566, 6665, 6666, 6667, 6668,
  6669, 6679, 6697, 9042, 10080, 11211, 27017,
]);
