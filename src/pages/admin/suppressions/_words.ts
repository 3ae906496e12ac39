import type { SuppressionView } from '#services/suppressions.ts';

type Reason = SuppressionView['reason'];

/** Why an address gets no mail; `few` stands behind a number of such addresses. */
export const REASON_WORDS: Record<Reason, { one: string; few: string }> = {
  bounce: { one: 'Came back for good', few: 'came back for good' },
  complaint: { one: 'Reported as spam', few: 'reported as spam' },
  soft_bounces: { one: 'Could not be reached, time and again', few: 'could not be reached' },
  manual: { one: 'Put here by hand', few: 'put here by hand' },
};

/** What whoever lets an address go should know first. */
export const BEFORE_LIFTING: Record<Reason, string> = {
  bounce:
    'Be sure that the mailbox exists now. Your mail provider may keep a list of its own: take the address off there, too, or the next mail brings it back here.',
  complaint:
    'Only if its owner asked for it: complaints are what mail providers punish most. They are unsubscribed besides, and only they can subscribe again. Your mail provider may keep a list of its own: take the address off there, too.',
  soft_bounces: 'From here on it is counted anew.',
  manual: 'It gets mail again from the next message on.',
};
