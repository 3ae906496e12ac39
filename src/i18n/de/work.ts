import type { Work } from '../catalogue.ts';

export const work: Work = {
  begun: 'Die Arbeiten haben begonnen. Sie sollen bis {until} beendet sein.',
  late: 'Geplant war dies für {span}. Wir melden, wenn es beendet ist.',
  over: 'Die Arbeiten sind beendet.',
  missed:
    'Geplant war dies für {span}, und diese Zeit ist vorbei. Beginn und Ende wurden hier nicht gemeldet, weil die Uhr dieser Seite stand.',
  longer: 'Die Arbeiten dauern länger als geplant: bis {until} statt {before}.',
  sooner: 'Die Arbeiten sind früher beendet als geplant: bis {until} statt {before}.',
  moved: 'Die Arbeiten sind verlegt auf {span}. Geplant waren sie für {before}.',
  rule: {
    days: { one: 'Jeden Tag', other: 'Alle {count} Tage' },
    weeks: { one: 'Jeden {days}', other: 'Alle {count} Wochen am {days}' },
    months: { one: 'Am {day}. jedes Monats', other: 'Alle {count} Monate am {day}.' },
    nth: { one: 'Jeden {nth} {weekday} im Monat', other: 'Alle {count} Monate am {nth} {weekday}' },
  },
  nth: { '1': 'ersten', '2': 'zweiten', '3': 'dritten', '4': 'vierten', '-1': 'letzten' },
  series: '{rule}, {from} bis {until}, Zeit von {zone}.',
  seriesFrom: '{rule}, ab {from}, Zeit von {zone}.',
  lasting: '{rule}, {from} bis {until}, Zeit von {zone}, bis {day}.',
  lastingFrom: '{rule}, ab {from}, Zeit von {zone}, bis {day}.',
};
