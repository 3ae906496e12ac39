import type { Ctx } from '#db/context.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import type { Transport } from '#delivery/transport.ts';
import { hookTransport } from '#delivery/transports/hook.ts';
import { resendTransport } from '#delivery/transports/resend.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { addDays, addMs, dayIn, HOUR, type Instant } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { sendDigests } from '#services/digests.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { undoUnsubscribe, unsubscribe } from '#services/leaving.ts';
import { addSubscriber } from '#services/subscriberRecords.ts';
import { saveSubscription } from '#services/subscriptions.ts';
import { MARK, rigEngine, SENDER } from '../delivery/support.ts';
import { testClock } from './context.ts';
import { type Furnished, SECRET_DOMAIN } from './furnished.ts';

/** Subscribers of every kind that there is: by what they chose, by language and by zone. */
type Chosen = { mode: Mode; timeZone?: string; locale?: string; only?: boolean };
const READERS = {
  policy: { mode: 'policy' },
  everything: { mode: 'everything', locale: 'de' },
  important: { mode: 'important', locale: 'ar' },
  daily: { mode: 'digest' },
  afar: { mode: 'digest', timeZone: 'America/New_York', locale: 'de' },
  /** Follows a component that is found to be touched later. */
  later: { mode: 'everything', only: true },
  /** Unsubscribes, and takes it back when more has been said. */
  back: { mode: 'everything' },
  /** Reads digests until more has been said. */
  eager: { mode: 'digest' },
} as const satisfies Record<string, Chosen>;
type Reader = keyof typeof READERS;

const CHATS = {
  slack: 'https://hooks.slack.com/services/T1/B1/subscriber',
  teams: 'https://harbour.example.net/teams',
  discord: 'https://discord.com/api/webhooks/1/subscriber',
  webhook: 'https://elsewhere.example.net/all',
} as const;

export type Outsiders = {
  /** Everyone of them, as what leaves is addressed. */
  addresses: string[];
  /** Who leaves does so now; what is said from then on they miss. */
  leave: () => Promise<void>;
  /** Who left comes back, and who read digests wants to hear at once: both are told what they missed. */
  comeBack: () => Promise<void>;
};

/** @param search the component that one of them follows alone */
export async function settleOutsiders({ foghorn }: Furnished, search: string): Promise<Outsiders> {
  const ctx = foghorn.contextFor({ kind: 'system', name: 'test' });
  const ids = {} as Record<Reader, string>;
  const linksOf = (name: Reader) => recipientLinks(ctx.site.url, ctx.sign, ids[name], ctx.now());
  const tokenIn = (url: string) => url.split('/').at(-1) as string;
  const choose = (name: Reader, mode: Mode) => {
    const reader: Chosen = READERS[name];
    return saveSubscription(ctx, tokenIn(linksOf(name).manage_url), {
      wholePage: !reader.only,
      groups: [],
      components: reader.only ? [search] : [],
      pace: { mode, timeZone: reader.timeZone ?? null },
      ...(reader.locale && { locale: reader.locale }),
    });
  };
  for (const name of Object.keys(READERS) as Reader[]) {
    ids[name] = await addSubscriber(ctx, { address: addressOf(name), consent: 'a letter' });
    await choose(name, READERS[name].mode);
  }
  const anywhere: Ctx = { ...ctx, hooks: { ...ctx.hooks, resolve: async () => ['93.184.215.14'] } };
  for (const [channel, url] of Object.entries(CHATS) as [keyof typeof CHATS, string][])
    await addHookSubscriber(anywhere, { channel, url, name: null, owner: `owner@${SECRET_DOMAIN}` });
  return {
    addresses: [...(Object.keys(READERS) as Reader[]).map(addressOf), ...Object.values(CHATS)].sort(),
    leave: async () => void (await unsubscribe(ctx, tokenIn(linksOf('back').unsubscribe_url))),
    comeBack: async () => {
      await undoUnsubscribe(ctx, tokenIn(linksOf('back').unsubscribe_url));
      await choose('eager', 'everything');
    },
  };
}

function addressOf(name: Reader): string {
  return `${name}@${SECRET_DOMAIN}`;
}

/** What was handed over, byte for byte as its receiver reads it. */
export type Sent = { to: string; subject: string; text: string };

/** Everything there is to send by the day after tomorrow, digests too, handed over to providers that take it all. */
export async function sendAll({ foghorn }: Furnished): Promise<Sent[]> {
  const ctx = foghorn.contextFor({ kind: 'system', name: 'test' });
  const now = ctx.now();
  // In the evening wherever someone reads a digest.
  const late: Instant = `${addDays(dayIn(now, 'UTC'), 1)}T23:00:00.000Z`;
  const released = () => addMs(now, HOUR);
  while (await expandNextChunk({ db: foghorn.db, now: released }));
  while ((await sendDigests({ ...ctx, now: () => late })).more);
  const sent: Sent[] = [];
  const { hooks } = ctx;
  const resend = resendTransport({ apiKey: 're_test', baseUrl: ctx.site.url, sender: SENDER, mark: MARK });
  for (const transport of [
    resend,
    hookTransport({ rules: hooks, resolve: hooks.resolve, siteUrl: ctx.site.url }),
  ]) {
    const rig = await rigEngine(foghorn.db, takingAll(transport, sent), {
      clock: testClock(addMs(late, HOUR)),
    });
    await rig.drain();
    await transport.close();
  }
  return sent;
}

type MailEntry = { to: string[]; subject: string };
type HookEntry = { delivery: number; url: string; calls: { body: string }[] };

/** The same bytes as ever, and nobody there to send them to. */
function takingAll(transport: Transport, sent: Sent[]): Transport {
  return {
    ...transport,
    paced: false,
    async send(batch, call) {
      const entries = JSON.parse(batch.body.toString()) as (MailEntry | HookEntry)[];
      for (const entry of entries) {
        if ('calls' in entry) {
          const text = entry.calls.map(({ body }) => body).join('\n');
          sent.push({ to: entry.url, subject: '', text });
          await call.report({ deliverySeq: entry.delivery, kind: 'accepted', providerId: null });
        } else sent.push({ to: entry.to.join(), subject: entry.subject, text: JSON.stringify(entry) });
      }
      return 'calls' in (entries[0] ?? {})
        ? { kind: 'reported' }
        : { kind: 'accepted', providerIds: entries.map((_, nth) => `taken-${batch.key}-${nth}`) };
    },
  };
}

/**
 * Every text that is written for anyone outside, sent or not: in each language, what was to go in another's place, and what calls say. Of
 * audiences those alone that are outside.
 */
export async function writtenForOutside({ foghorn }: Furnished): Promise<{ door: string; text: string }[]> {
  const inside = ['call', 'stakeholder', 'drill', 'test'] as const;
  return foghorn.db.read(async (tx) => {
    const notices = await tx.selectFrom('notices').selectAll().where('kind', 'not in', inside).execute();
    const texts = await tx
      .selectFrom('notice_texts')
      .innerJoin('notices as n', 'n.seq', 'notice_seq')
      .selectAll('notice_texts')
      .where('n.kind', 'not in', inside)
      .execute();
    return [...notices, ...texts].map((row) => ({
      door: `what was written as ${row.subject}`,
      text: JSON.stringify(row),
    }));
  });
}
