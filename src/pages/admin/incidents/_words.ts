/** What an incident's page says after a form of it was done with. */
export const DONE = {
  declared: 'Declared. Now say what is known: the first update publishes it.',
  backfilled: 'It is on the record. Nobody was told.',
  quiet: 'Posted. Nobody was mailed.',
  internal: 'Posted to colleagues.',
  draft: 'The draft is kept.',
  template: 'The template is in the text. Fill in what is open.',
  preview: 'The preview shows your draft.',
  discarded: 'The draft is gone.',
  edited: 'The update is changed. How it read before is kept.',
  editedUntold: 'The update is changed. Nobody had been mailed it as it was, so no mail corrects it.',
  sent: 'It leaves now.',
  stopped: 'Stopped: nothing more of it leaves.',
  goneOn: 'It goes on.',
  dropped: 'Dropped: nobody else hears it.',
  mended: 'Mended. The page has the new text already.',
  allLeft: 'All of it has left already. Change the update in the timeline, and tell people of the change.',
  noted: 'The note is in the timeline.',
  role: 'Set.',
  times: 'The times are corrected.',
  title: 'The title is changed.',
  corrected:
    'The components are corrected. Whoever follows one that was added, and had heard nothing, is told.',
  pace: 'The pace is set, from the next update on.',
  noPostmortem: 'There will be no postmortem. Nobody is asked for it again.',
  adopted: 'It is yours now: its severity sets the pace.',
  drill: 'The drill runs. Nobody but those who take part hears of it.',
  drillWithout:
    'The drill runs, without those who can no longer sign in. Nobody but those who take part hears of it.',
  window: 'The new window is announced.',
  ended: 'It is over.',
  restricted: 'Declared. Only those who are named under “Who sees it” know of it.',
  letIn: 'They see it from now on.',
  takenOut: 'They see it no more.',
  runbookAdded: 'The runbook is added, with its steps as they stand now.',
  runbookOff: 'The runbook is off.',
  taken: 'You are its comms lead now. Whoever led it before is not called any more.',
  joined: 'You see it from now on. Those who saw it before are told.',
  approved: 'Approved and posted.',
  approvedLater:
    'Approved and posted. The time that it promised had passed by then: it promises the next update as its severity asks.',
  sentBack: 'Sent back. Its author is told.',
  again: 'The text is in the form again.',
} as const;

/** "Queued for 1,204 people.": they are told next, not yet. */
export function postedText(people: number): string {
  if (people === 0) return 'Nobody had asked to be told.';
  return `Queued for ${peopleText(people)}.`;
}

/** "1,204 people" */
export function peopleText(people: number): string {
  return `${people.toLocaleString('en')} ${people === 1 ? 'person' : 'people'}`;
}
