import { postNotice, rendered } from '../delivery/support.ts';
import { makeIncident, setReleaseSeconds } from '../support/factory.ts';
import { type Figure, quantile } from './bars.ts';
import type { Installation, Template } from './million.ts';
import { rest, type Sink, startSink } from './sink.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
/** How long the provider takes for a request. */
const REQUEST_MS = 150;
/** Shorter than usual, so that nobody waits for nothing: what counts begins with the release. */
const RELEASE_SECONDS = 3;
const TITLE = 'Checkout fails for everyone';
/** Of the mail to subscribers: staff are called about the same incident, and earlier. */
const SUBJECT = `[Investigating] ${TITLE}`;

/** What goes on when the comms lead posts. */
const MEANWHILE = {
  nothing: { words: 'out of rest', bar: 1_000 },
  expanding: { words: 'while a digest is being expanded', bar: 1_000 + REQUEST_MS },
  sending: { words: 'while a digest is being sent', bar: 1_000 + REQUEST_MS },
} as const;

/** From the release of a SEV1 until the provider has taken its first mails, posted by the form of the admin; the slowest of the rounds. */
export async function measureFirstMail(million: Template): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [meanwhile, { words, bar }] of Object.entries(MEANWHILE)) {
    const rounds: { first: number; answer: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const sink = await startSink({ ratePerSecond: 5, latencyMs: REQUEST_MS });
      const installation = await million.open(sink);
      try {
        rounds.push(await postOnce(installation, sink, meanwhile as keyof typeof MEANWHILE));
      } finally {
        await installation.close();
        sink.stop();
      }
    }
    const slowest = (pick: (round: (typeof rounds)[number]) => number) => Math.max(...rounds.map(pick));
    figures.push(
      {
        name: `(d) first SEV1 mail accepted, ${words}, slowest of ${ROUNDS}`,
        value: slowest(({ first }) => first),
        unit: 'ms',
        bar: { most: bar },
      },
      {
        name: '(d)   the same, middle',
        value: quantile(
          rounds.map(({ first }) => first),
          0.5,
        ),
        unit: 'ms',
        bar: null,
      },
      {
        name: "(d)   the post's own answer, slowest",
        value: slowest(({ answer }) => answer),
        unit: 'ms',
        bar: null,
      },
    );
  }
  return figures;
}

/** @returns milliseconds after the release, and for the form's answer */
async function postOnce(
  { db, post, checkout }: Installation,
  sink: Sink,
  meanwhile: keyof typeof MEANWHILE,
): Promise<{ first: number; answer: number }> {
  await setReleaseSeconds(db, RELEASE_SECONDS);
  const { id, seq } = await makeIncident(db, { title: TITLE, severity: 'SEV1', published_at: null });
  if (meanwhile !== 'nothing') {
    await postNotice(db, new Date().toISOString(), { priority: 3, mail: rendered('Your day', 14_000) });
    const isExpanding = async () =>
      (
        await db.read((tx) =>
          tx.selectFrom('fanouts').select('state').orderBy('seq', 'desc').executeTakeFirstOrThrow(),
        )
      ).state === 'expanding';
    while (meanwhile === 'sending' && (await isExpanding())) await rest(50);
    const had = (await sink.calls()).length;
    while ((await sink.calls()).length < had + 10) await rest(50);
  }
  const asked = performance.now();
  const answered = await post(`/admin/incidents/${id}`, {
    do: 'post',
    version: '1',
    audience: 'public',
    status: 'investigating',
    body: 'Nobody can pay. We are looking into it.',
    [`component:${checkout}`]: 'major_outage',
  });
  const answer = performance.now() - asked;
  if (answered.status !== 303) throw new Error(`The post was refused: ${answered.status} ${answered.body}`);
  const release = await db.read((tx) =>
    tx
      .selectFrom('fanouts as f')
      .innerJoin('notices as n', 'n.seq', 'f.notice_seq')
      .select('f.release_at')
      .where('n.incident_seq', '=', seq)
      .executeTakeFirstOrThrow(),
  );
  for (;;) {
    const taken = (await sink.calls()).find(
      (call) => call.status === 200 && call.answered && call.subject.includes(SUBJECT),
    );
    if (taken) return { first: taken.answered - Date.parse(release.release_at), answer };
    await rest(20);
  }
}
