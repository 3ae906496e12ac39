/** What Foghorn itself says of planned work where nobody wrote anything else, in English. */
export const work = {
  begun: 'The work has begun. It is planned to be over by {until}.',
  late: 'This was planned for {span}. We will say when it is over.',
  over: 'The work is over.',
  missed:
    'This was planned for {span}, and that time is over. Nothing was said here when it began and when it ended, because this page’s clock stood still.',
  longer: 'The work takes longer than planned: until {until} in place of {before}.',
  sooner: 'The work will be over sooner than planned: by {until} in place of {before}.',
  moved: 'The work is moved to {span}. It was planned for {before}.',
  rule: {
    days: { one: 'Every day', other: 'Every {count} days' },
    weeks: { one: 'Every {days}', other: 'Every {count} weeks on {days}' },
    months: { one: 'On day {day} of every month', other: 'On day {day} of every {count} months' },
    nth: { one: 'The {nth} {weekday} of every month', other: 'The {nth} {weekday} of every {count} months' },
  },
  nth: { '1': 'first', '2': 'second', '3': 'third', '4': 'fourth', '-1': 'last' },
  /** “Every Tuesday, 02:00 to 04:00, Europe/Berlin time.” */
  series: '{rule}, {from} to {until}, {zone} time.',
  seriesFrom: '{rule}, from {from}, {zone} time.',
  /** With the last day. */
  lasting: '{rule}, {from} to {until}, {zone} time, until {day}.',
  lastingFrom: '{rule}, from {from}, {zone} time, until {day}.',
};
