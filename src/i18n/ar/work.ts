import type { Work } from '../catalogue.ts';

export const work: Work = {
  begun: 'بدأت أعمال الصيانة. من المقرر أن تنتهي بحلول {until}.',
  late: 'كانت هذه الأعمال مقررة في {span}. سنعلن هنا عن انتهائها.',
  over: 'انتهت أعمال الصيانة.',
  missed:
    'كانت هذه الأعمال مقررة في {span}، وقد انقضى هذا الوقت. لم يُعلن هنا عن بدايتها ولا عن نهايتها لأن ساعة هذه الصفحة كانت متوقفة.',
  longer: 'تستغرق الأعمال وقتًا أطول من المقرر: حتى {until} بدلًا من {before}.',
  sooner: 'ستنتهي الأعمال قبل الموعد المقرر: بحلول {until} بدلًا من {before}.',
  moved: 'نُقلت الأعمال إلى {span}. كانت مقررة في {before}.',
  rule: {
    days: {
      zero: 'كل {count} يوم',
      one: 'كل يوم',
      two: 'كل يومين',
      few: 'كل {count} أيام',
      many: 'كل {count} يومًا',
      other: 'كل {count} يوم',
    },
    weeks: {
      zero: 'كل {count} أسبوع يوم {days}',
      one: 'كل أسبوع يوم {days}',
      two: 'كل أسبوعين يوم {days}',
      few: 'كل {count} أسابيع يوم {days}',
      many: 'كل {count} أسبوعًا يوم {days}',
      other: 'كل {count} أسبوع يوم {days}',
    },
    months: {
      zero: 'كل {count} شهر في اليوم {day}',
      one: 'كل شهر في اليوم {day}',
      two: 'كل شهرين في اليوم {day}',
      few: 'كل {count} أشهر في اليوم {day}',
      many: 'كل {count} شهرًا في اليوم {day}',
      other: 'كل {count} شهر في اليوم {day}',
    },
    nth: {
      zero: 'كل {count} شهر في يوم {weekday} {nth}',
      one: 'كل شهر في يوم {weekday} {nth}',
      two: 'كل شهرين في يوم {weekday} {nth}',
      few: 'كل {count} أشهر في يوم {weekday} {nth}',
      many: 'كل {count} شهرًا في يوم {weekday} {nth}',
      other: 'كل {count} شهر في يوم {weekday} {nth}',
    },
  },
  nth: { '1': 'الأول', '2': 'الثاني', '3': 'الثالث', '4': 'الرابع', '-1': 'الأخير' },
  series: '{rule}، من {from} إلى {until}، بتوقيت {zone}.',
  seriesFrom: '{rule}، من الساعة {from}، بتوقيت {zone}.',
  lasting: '{rule}، من {from} إلى {until}، بتوقيت {zone}، حتى {day}.',
  lastingFrom: '{rule}، من الساعة {from}، بتوقيت {zone}، حتى {day}.',
};
