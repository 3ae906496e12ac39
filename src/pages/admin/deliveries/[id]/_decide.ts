import { textOf } from '#components/admin/forms.ts';
import type { Ctx } from '#db/context.ts';
import { AppError } from '#domain/errors.ts';
import { decideAllUncertain, retryRefused } from '#services/deliveries.ts';
import { goOn, sendNow, stopSending } from '#services/fanoutControl.ts';
import { closeUncertain, repeatUncertain } from '#services/outbox.ts';
import { chosen } from '../_chosen.ts';

/** Does what a button of a message's page asks for. @returns the key of what the page says then */
export async function decide(ctx: Ctx, id: string, form: FormData): Promise<string> {
  switch (textOf(form, 'do')) {
    case 'retryChosen':
      return retried(await retryRefused(ctx, id, chosen(form)));
    case 'repeatChosen':
      return repeated(await repeatUncertain(ctx, chosen(form)));
    case 'closeChosen':
      await closeUncertain(ctx, chosen(form));
      return 'closed';
    case 'repeatAll':
      return repeated(await decideAllUncertain(ctx, id, 'repeat'));
    case 'closeAll':
      await decideAllUncertain(ctx, id, 'close');
      return 'closed';
    case 'sendNow':
      await sendNow(ctx, id);
      return 'sentNow';
    case 'stop':
      await stopSending(ctx, id);
      return 'stopped';
    case 'goOn':
      await goOn(ctx, id);
      return 'wentOn';
    case 'retry':
      return retried(await retryRefused(ctx, id));
    default:
      throw new AppError('invalid', 'This is no button of this page.', { fix: 'Go back and press one.' });
  }
}

export const DONE = {
  retried: 'They are waiting to be sent again.',
  someRetried: 'They are waiting to be sent again, but for those who have had newer news of it since.',
  noneRetried:
    'Nobody was sent it again: those who were refused have had newer news of it since, or none is left.',
  repeated: 'They are waiting to be sent again.',
  noneRepeated:
    'Nobody is sent it again: newer news of it has gone out since, its rest was dropped, or none is left.',
  closed: 'They are left as they are.',
  sentNow: 'It leaves now.',
  stopped: 'Stopped. What is being handed over just now is finished; nothing more of it leaves.',
  wentOn: 'It goes on.',
  dropped: 'Dropped: nobody else hears it.',
};

function repeated(count: number): keyof typeof DONE {
  return count ? 'repeated' : 'noneRepeated';
}

function retried({ again, passedOver }: { again: number; passedOver: number }): keyof typeof DONE {
  if (!again) return 'noneRetried';
  return passedOver ? 'someRetried' : 'retried';
}
