import type { Ctx } from '#db/context.ts';
import { listUnfinishedFanouts } from '#db/deliveryReports.ts';
import { finishText, goingText } from '#domain/pace.ts';
import { roomFor } from '#domain/quotas.ts';
import type { Instant } from '#domain/time.ts';
import { durationText, msBetween } from '#domain/time.ts';
import { readSending, type Sending } from './deliveryHealth.ts';

type Message = {
  seq: number;
  priority: number;
  waiting: number;
  stopped: { at: Instant; by: string } | null;
  releaseAt: Instant;
};

export type Prospects = {
  /** When it will be through; '' when nothing of it waits. */
  finish: string;
  /** For how long the oldest of it has been unsent, and the pace; '' when nothing of it waits, or it may not leave yet. */
  going: string;
};

/**
 * Says when a message will be through, at the pace of the last minute. Before it go the more urgent and the older ones, so the mails of all
 * of these count; `waiting` of the others is what they promised to at most, since counting each would cost more than the answer is worth.
 */
export async function readProspects(ctx: Ctx): Promise<(message: Message) => Prospects> {
  const sending = await readSending(ctx);
  const { now, lanes, figures, providers } = sending;
  const unfinished = await ctx.db.read(listUnfinishedFanouts);
  const mail = providers.find(({ id }) => id !== 'hook');
  return (message) => {
    const before = unfinished.filter(
      (other) =>
        !other.stopped &&
        !other.dropped &&
        other.seq !== message.seq &&
        (other.priority < message.priority ||
          (other.priority === message.priority && other.seq < message.seq)),
    );
    const promised = before.reduce((sum, other) => sum + other.expected, 0);
    // Never more than all that waits: an older message may be almost through.
    const queued = figures.queues
      .filter(({ priority }) => priority <= message.priority)
      .reduce((sum, queue) => sum + queue.waiting, 0);
    const ahead = message.waiting + Math.min(promised, Math.max(0, queued - message.waiting));
    const room = mail ? roomFor(mail.quotas, message.priority, { now, underWay: 0 }) : null;
    const { pace } = lanes.mail;
    const finish = finishText({
      waiting: message.waiting,
      ahead,
      pace,
      stopped: message.stopped !== null,
      releaseAt: message.releaseAt,
      hindered: hindranceOf(sending),
      quota:
        room?.until && Number.isFinite(room.mails)
          ? { mails: room.mails, forMs: msBetween(now, room.until) }
          : null,
      now,
    });
    const moves = !message.stopped && !hindranceOf(sending);
    return { finish, going: goingText({ ...message, pace: moves ? pace : null, now }) };
  };
}

/** Why no mail leaves at present, in a few words. */
function hindranceOf({ now, workers, providers }: Sending): string | null {
  if (!workers.some(({ alive, lane }) => alive && lane === 'mail')) return 'waits: no process is sending';
  const mail = providers.find(({ id }) => id !== 'hook');
  if (mail?.circuit === 'open') return 'waits: sending has stopped';
  if (mail?.pausedAt) return 'waits: sending is paused';
  const wait = mail?.blockedUntil ? msBetween(now, mail.blockedUntil) : 0;
  return wait > 60_000 ? `waits for another ${durationText(wait)}` : null;
}
