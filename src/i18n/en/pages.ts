import { ENGLISH_GLANCE } from '#domain/glance.ts';
import { ENGLISH_HEADLINE } from '#domain/headline.ts';
import { KEPT_FORMULA } from '#domain/keptWord.ts';
import { IMPACT_LABELS } from '#domain/publicIncident.ts';
import { COMPONENT_STATUS_LABELS, STATUS_LABELS } from '#domain/status.ts';

/** What the public pages say, in English. `{places}` are filled with plain text; markup never stands in a message. */
export const pages = {
  frame: {
    status: 'Status',
    /** The page's name and the word, as in “Harbour status”. */
    word: 'status',
    named: '{name} {word}',
    titled: '{title} · {page}',
    skip: 'Skip to content',
    skipToParts: 'Skip to components',
    main: 'Main',
    history: 'History',
    follow: 'Get updates',
    followByMail: 'Get updates by mail',
    api: 'API',
    support: 'Support',
    zone: 'Days and times in {zone}, unless marked · ',
    /** The page keeps itself fresh while it is open, unless it is not to. */
    pause: 'Pause updates',
    resume: 'Resume updates',
    powered: 'Powered by Foghorn',
    now: 'Status now',
    toStatus: 'To the status page',
    asOf: 'This page is as of {time}. We cannot read newer information at this moment and keep trying.',
    age: 'Age of this page',
  },
  /** For the script: how long until the next word, that it is due, that a line of days holds no trouble. */
  live: { in: 'in {length}', due: 'due now', quiet: 'No day with trouble' },
  component: COMPONENT_STATUS_LABELS,
  /** Within a sentence. */
  componentIn: ENGLISH_GLANCE.within,
  status: STATUS_LABELS,
  /** Within a line. */
  statusIn: {
    investigating: 'investigating',
    identified: 'identified',
    monitoring: 'monitoring',
    resolved: 'resolved',
    postmortem: 'postmortem',
    scheduled: 'scheduled',
    in_progress: 'in progress',
    verifying: 'verifying',
    completed: 'completed',
  },
  impact: IMPACT_LABELS,
  headline: ENGLISH_HEADLINE,
  /** On other people's pages. */
  glance: {
    /** Where it begins a title or stands before a sentence, and where it is a sentence of its own. */
    lead: ENGLISH_GLANCE.lead,
    says: ENGLISH_GLANCE.says,
    of: 'Status of {name}',
    asOf: 'As of {time}',
  },
  time: {
    /** Two units of a duration. */
    two: '{first} {second}',
    to: '{from} to {to}',
    days: '{first} to {last}',
    comma: ', ',
  },
  day: { part: '{status} {times}', allDay: 'all day', allDaySoFar: 'all day so far', since: 'since {time}' },
  start: {
    description: '{headline} Current status, incidents and planned maintenance.',
    descriptionOf: '{headline} Current status, incidents and planned maintenance of {name}.',
    since: 'Since {time}.',
    first: 'The first began {time}.',
    last: 'The last incident ended {time}:',
    underWay: 'Maintenance under way',
    planned: 'Planned',
    components: 'Components',
    marks: '90 days, today at the right. A taller mark is a worse day.',
    onTime: 'Updates on time, 90 days: {link}',
    table: 'Days with trouble, as a table',
    past: 'Last 14 days',
    allHistory: 'All history',
  },
  promise: {
    by: 'Next update by {time}',
    byOn: 'Next update on “{title}” by {time}',
    late: 'The next update was due {time}; still working on it.',
    lateOn: 'The next update on “{title}” was due {time}; still working on it.',
  },
  card: {
    known: 'What we know',
    since: 'Since {time}',
    sinceIn: '{scope} · since {time}',
    next: 'next update by {time}',
    late: 'next update was due {time}; still working on it',
    all: { one: 'All {count} updates', other: 'All {count} updates' },
  },
  parts: {
    affected: 'Affected components',
    ungrouped: 'Other',
    all: 'All',
    ofAffected: '{count} of {total} affected',
    ofMaintained: '{count} of {total} in maintenance',
    ofWell: '{count} operational',
    by: 'by {name}',
    marks: {
      one: '{name}, {days} days: {count} with trouble',
      other: '{name}, {days} days: {count} with trouble',
    },
    noMarks: '{name}, {days} days: none with trouble',
    // Heads a narrow column.
    component: 'Compo\u00adnent',
    day: 'Day',
    trouble: 'Trouble',
  },
  uptime:
    'Uptime counts a major outage in full and a partial outage at {partial}%; degraded performance and maintenance do not count as down. (T − (major + {weight} × partial)) ÷ T, where T is the recorded time.',
  past: { quiet: 'Nothing to report', maintenance: 'Maintenance' },
  story: {
    calledOff: 'Called off',
    planned: 'Planned',
    started: 'Started',
    identified: 'Identified',
    monitoring: 'Monitoring',
    resolved: 'Resolved',
    completed: 'Completed',
    after: '{status} after {length}',
    was: 'What was affected',
    is: 'What is affected',
    updates: 'Updates',
    silent: 'Nothing has been written about it.',
    follow: 'Get updates about it by mail',
  },
  update: {
    where: 'Where',
    who: 'Who',
    works: 'What works',
    estimate: 'Estimate',
    edited: 'edited {time}',
  },
  history: {
    title: 'History',
    months: 'Months',
    quiet: 'Nothing to report this month.',
    all: 'All months',
    description: 'Incidents and maintenance of {name} in {month}.',
    descriptionAll: 'Incidents and maintenance of {name} in {month}, and every month before.',
    incidents: { one: 'incident', other: 'incidents' },
    feed: 'Follow it as a feed: {atom} or {rss}. Planned maintenance as a {calendar}.',
    calendar: 'calendar',
  },
  componentPage: {
    title: '{name}: {status}',
    is: '{name} is {status} now.',
    about: 'Its last 90 days, uptime and incidents.',
    runBy: 'Run by {name}: {link}',
    theirs: 'their own status page',
    now: 'Now',
    since: 'since {time}',
    days: '90 days',
    marks: 'Today at the right. A taller mark is a worse day.',
    window: { one: '{count} day', other: '{count} days' },
    recorded: 'Recorded since {date}.',
    troubled: 'Days with trouble',
    untroubled: 'None in the last 90 days.',
    past: 'Past incidents',
    none: 'None recorded.',
    feeds: 'or as a feed: {atom}, {rss}',
  },
  onTime: {
    title: 'Updates on time',
    description:
      'How often {name} said the next word by the time that was promised, and how that is counted.',
    heading: '{percent} of updates on time',
    nothing: 'No update was due',
    nothingMore: 'Nothing was promised in the last 90 days.',
    lede: {
      one: 'In the last 90 days {onTime} of {count} public updates were posted by the time that we had promised.',
      other:
        'In the last 90 days {onTime} of {count} public updates were posted by the time that we had promised.',
    },
    median: 'The first one of an incident came after {length}, at the median.',
    instant: 'less than a minute',
    month: 'Month',
    incidents: 'Incidents',
    updates: 'Updates on time',
    none: 'none',
    share: '{onTime} of {total}, {percent}',
    how: 'How it is counted',
    formula: KEPT_FORMULA,
    which:
      'Incidents count that were declared in the last 90 days and shown here. Drills, history taken over from another page, and incidents written down later do not: nothing was promised in them.',
    all: 'All incidents',
  },
  missing: {
    title: 'Not found',
    heading: 'There is nothing at this address.',
    lede: 'The link may be old or mistyped. Every incident is in the {link}.',
    history: 'history',
  },
  fault: {
    title: 'Something failed here',
    heading: 'This page could not be shown.',
    lede: 'The fault is ours and has been logged. Try again in a moment.',
  },
  /** Our records cannot be read, or what only they could answer was asked of a copy. */
  away: {
    title: 'Not available right now',
    heading: 'This page is not available right now.',
    lede: 'We cannot read our own records at this moment and keep trying. Try again in a moment.',
    /** Before the last that is known of how things are. */
    asOf: 'As of {time}',
  },
};
