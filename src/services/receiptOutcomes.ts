/** How a provider's events end, in words. */
export const OUTCOMES = {
  applied: 'Applied.',
  foreign: 'Of another installation that sends by the same account.',
  otherPerson: 'It names another person than the delivery does.',
  earlierTry: 'Of an earlier try; the delivery is on its way again.',
  noNews: 'Nothing that we act on.',
  waits: 'Waits until its delivery is known.',
  givenUp: 'Given up: in three days its delivery did not come to be known.',
} as const;
