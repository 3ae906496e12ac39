import { setImmediate as breathe } from 'node:timers/promises';
import type { Db } from '#db/open.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { bodiesOf, type Mail } from '#delivery/mail.ts';
import type { Outcome, Transport } from '#delivery/transport.ts';
import { listFanoutsOf } from '#services/deliveries.ts';
import { editUpdate, getIncident } from '#services/incidents.ts';
import { rigEngine } from '../delivery/support.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { makeSubscribers } from '../support/people.ts';
import { incidentHouse } from './incidentHouse.ts';

export type Sent = { to: string; subject: string; text: string; html: string; deliverySeq: number };

type OpenCall = { mails: Sent[]; answer: (outcome: Outcome) => void };

/** A way out whose other end the test holds: calls stay open until they are answered, unless it takes all by itself. */
export function openWire(batchSize: number, concurrency: number) {
  const taken: Sent[] = [];
  const open: OpenCall[] = [];
  const wire = {
    /** What arrived, in order. */
    taken,
    open,
    /** Whether calls are taken at once. */
    takes: true,
    /** What it then takes no batch with. */
    refuses: (_: Sent): boolean => false,
    answer(
      call: OpenCall,
      kind: 'accepted' | 'configuration' | 'unknown' | 'takenInSilence' | 'payloadFault',
    ): void {
      open.splice(open.indexOf(call), 1);
      if (kind === 'accepted' || kind === 'takenInSilence') taken.push(...call.mails);
      if (kind === 'accepted')
        call.answer({ kind: 'accepted', providerIds: call.mails.map((_, index) => `m${index}`) });
      else if (kind === 'configuration')
        call.answer({ kind: 'configuration', reason: 'The key is wrong.', fix: 'Mend it.' });
      else if (kind === 'payloadFault') call.answer({ kind: 'payloadFault', reason: 'Someone in it.' });
      else call.answer({ kind: 'unknown', afterMs: 1, reason: 'No answer.', unreachable: false });
    },
  };
  /** What was taken in silence under a key is not taken again. */
  const keys = new Set<string>();
  const transport: Transport = {
    name: 'file',
    lane: 'mail',
    batchSize,
    concurrency,
    build: async (mails: readonly Mail[]) =>
      Buffer.from(
        JSON.stringify(
          mails.map((mail) => ({
            to: mail.address,
            subject: mail.letter.notice.subject,
            deliverySeq: mail.deliverySeq,
            ...bodiesOf(mail),
          })),
        ),
      ),
    send: ({ key, body }) =>
      new Promise((resolve) => {
        const mails = keys.has(key) ? [] : (JSON.parse(body.toString()) as Sent[]);
        const call: OpenCall = {
          mails,
          answer: (outcome) => {
            if (
              outcome.kind === 'accepted' ||
              (outcome.kind === 'unknown' && taken.includes(mails[0] as Sent))
            )
              keys.add(key);
            resolve(
              outcome.kind === 'accepted'
                ? {
                    ...outcome,
                    providerIds: (JSON.parse(body.toString()) as Sent[]).map(
                      ({ deliverySeq }) => `m${deliverySeq}`,
                    ),
                  }
                : outcome,
            );
          },
        };
        open.push(call);
        if (wire.takes) wire.answer(call, mails.some(wire.refuses) ? 'payloadFault' : 'accepted');
      }),
    close: async () => undefined,
  };
  return { ...wire, wire, transport };
}

/** An incident house with people, a way out that the test holds, and hands on the expander and the engine. */
export async function outgoingHouse(
  fresh: () => Promise<Db>,
  {
    people = 6,
    batchSize = 2,
    concurrency = 1,
  }: { people?: number; batchSize?: number; concurrency?: number } = {},
) {
  const house = await incidentHouse(fresh);
  const { db, ctx } = house;
  await setReleaseSeconds(db, 10);
  const addresses = people ? await makeSubscribers(db, people) : [];
  const { wire, transport } = openWire(batchSize, concurrency);
  const rig = await rigEngine(db, transport, { clock: ctx.clock });
  const { engine } = rig;

  const expand = async () => {
    while (await expandNextChunk({ db, now: ctx.now }));
  };
  /** Freezes and begins what fits, and writes down what has come back. */
  const turn = async () => {
    while (await engine.round());
  };
  /** Ends one open call. */
  const answer = async (kind: Parameters<typeof wire.answer>[1] = 'accepted') => {
    wire.answer(wire.open[0]!, kind);
    while (!engine.hasResults()) await breathe();
    await turn();
  };
  /** Everything that may leave leaves. */
  const drain = async () => {
    for (const call of [...wire.open]) wire.answer(call, 'accepted');
    wire.takes = true;
    await expand();
    await rig.drain();
    await expand();
  };
  const release = async () => {
    ctx.clock.advance(10_000);
    await expand();
  };
  /** The mails to one person, oldest first: `SUBJECT: first words`. */
  const heard = (to: string) => wire.taken.filter((mail) => mail.to === to);
  const newest = async (id: string) => (await listFanoutsOf(ctx, id))[0]!;
  const edit = async (
    id: string,
    body: string,
    {
      notify = true,
      wrong = null,
      index = 0,
    }: { notify?: boolean; wrong?: string | null; index?: number } = {},
  ) => {
    const update = (await getIncident(ctx, id)).updates[index]!;
    const { scope, affected, workaround, estimate } = update;
    return editUpdate(ctx, {
      updateId: update.id,
      body,
      scope,
      affected,
      workaround,
      estimate,
      notify,
      wrong,
    });
  };
  return {
    ...house,
    rig,
    wire,
    engine,
    addresses,
    expand,
    turn,
    answer,
    drain,
    release,
    heard,
    newest,
    edit,
  };
}
