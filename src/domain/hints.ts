/**
 * Gentle hints on wording. They never stop a post: each says what a reader may stumble over and what to write instead.
 * Runs in the browser as one types and on the server without script, so it imports types alone.
 */
import type { AnyStatus } from './status.ts';

export type HintCode =
  | 'variable'
  | 'host'
  | 'handle'
  | 'jargon'
  | 'blame'
  | 'apology'
  | 'long'
  | 'nobody'
  | 'cause'
  | 'relative_time'
  | 'shouting';

export type Hint = {
  code: HintCode;
  message: string;
  /** Where in the text, in UTF-16 units, so that the editor can point at it; absent when it is about the whole. */
  start?: number;
  end?: number;
};

export type HintInput = {
  body: string;
  audience: 'public' | 'internal';
  status?: AnyStatus | undefined;
  /** The fields beside the text that may already say who, where and what works. */
  affected?: string | null | undefined;
  scope?: string | null | undefined;
  workaround?: string | null | undefined;
};

const LONG = 120;

/** What could be said better, in the order of the text; what concerns the whole comes last. */
export function hintsFor(input: HintInput): Hint[] {
  const { body } = input;
  if (!body.trim()) return [];
  const found = [
    ...find(body, /\{\{[^{}\n]{0,80}\}\}/g, 'variable', (hit) => `Fill in ${hit}, or take it out.`),
    ...find(body, RELATIVE_TIME, 'relative_time', (hit) => {
      return `“${hit}” is read later than it is written. Say the time with its zone, such as 15:30 UTC.`;
    }),
    ...find(body, APOLOGY, 'apology', () => {
      return 'A stock apology says nothing. Say what you are doing, or what still works.';
    }),
    ...(input.audience === 'public' ? publicHints(body) : []),
  ];
  return [...withoutOverlaps(found), ...wholeHints(input)];
}

/** How many words, as a reader counts them. */
export function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** One line under the editor when there is something good to say: "46 words. Says who is affected and what works." */
export function wordingSummary(input: HintInput): string {
  const words = countWords(input.body);
  if (words === 0) return '';
  const says = [
    saysWho(input) && 'who is affected',
    saysWhatWorks(input) && 'what works',
    /\b\d{1,2}:\d{2}\b/.test(input.body) && 'since when',
  ].filter((part) => part !== false);
  const count = `${words} ${words === 1 ? 'word' : 'words'}.`;
  if (!says.length) return count;
  const list = says.length === 1 ? says[0] : `${says.slice(0, -1).join(', ')} and ${says.at(-1)}`;
  return `${count} Says ${list}.`;
}

/** What colleagues may read as it is, but people outside may not. */
function publicHints(body: string): Hint[] {
  return [
    ...find(
      body,
      HOST,
      'host',
      (hit) => `“${hit}” names a machine. Say what it does for the reader.`,
      isHost,
    ),
    ...find(body, HANDLE, 'handle', (hit) => `${hit} means nothing outside. Leave it out.`),
    ...find(body, JARGON, 'jargon', (hit) => {
      const plain = PLAIN_WORDS.get(hit.toLowerCase());
      return `“${hit}” is our word. ${plain ? `Try “${plain}”.` : 'Say what the reader notices.'}`;
    }),
    ...find(body, BLAME, 'blame', (hit) => {
      return `“${hit}” points at someone. Say what happens and what is being done.`;
    }),
    ...find(body, CERTAIN_CAUSE, 'cause', (hit) => {
      return `“${hit}” names a cause as certain. If it is not proven, leave it for later.`;
    }),
    ...find(body, SHOUTING, 'shouting', () => 'Capitals read as shouting. Write it as a sentence.'),
  ];
}

function wholeHints(input: HintInput): Hint[] {
  const hints: Hint[] = [];
  const words = countWords(input.body);
  if (words > LONG)
    hints.push({
      code: 'long',
      message: `${words} words is long for someone in a hurry. Under ${LONG} is easier; details can follow.`,
    });
  const isOver = input.status === 'resolved' || input.status === 'postmortem' || input.status === 'completed';
  if (input.audience === 'public' && !isOver && !saysWho(input))
    hints.push({ code: 'nobody', message: 'It does not say who is affected. A reader asks: is it me?' });
  return hints;
}

function saysWho({ body, affected, scope }: HintInput): boolean {
  return Boolean(affected?.trim() || scope?.trim() || WHO.test(body));
}

function saysWhatWorks({ body, workaround }: HintInput): boolean {
  return Boolean(workaround?.trim() || WHAT_WORKS.test(body));
}

function find(
  text: string,
  pattern: RegExp,
  code: HintCode,
  message: (hit: string) => string,
  accept: (hit: string) => boolean = () => true,
): Hint[] {
  return [...text.matchAll(pattern)]
    .filter((match) => accept(match[0]))
    .map((match) => ({
      code,
      message: message(match[0]),
      start: match.index,
      end: match.index + match[0].length,
    }));
}

/** Two hints about the same letters would only argue: the first that was found stays. */
function withoutOverlaps(hints: Hint[]): Hint[] {
  const kept: Hint[] = [];
  for (const hint of hints) {
    const clashes = kept.some(
      (other) =>
        (hint.start as number) < (other.end as number) && (other.start as number) < (hint.end as number),
    );
    if (!clashes) kept.push(hint);
  }
  return kept.sort((a, b) => (a.start as number) - (b.start as number));
}

/** Words of ours, and the reader's word where there is one. */
const PLAIN_WORDS = new Map<string, string | null>([
  ['p50', 'typical response time'],
  ['p95', 'slow requests'],
  ['p99', 'slow requests'],
  ['k8s', null],
  ['kubernetes', null],
  ['pod', null],
  ['pods', null],
  ['rollback', 'undoing the last change'],
  ['roll back', 'undo the last change'],
  ['rolled back', 'undid the last change'],
  ['oom', 'ran out of memory'],
  ['hotfix', 'correction'],
  ['failover', 'switch to a spare system'],
  ['fail over', 'switch to a spare system'],
  ['failed over', 'switched to a spare system'],
  ['latency', 'slowness'],
  ['5xx', 'errors'],
  ['4xx', 'errors'],
  ['http 500', 'errors'],
  ['http 502', 'errors'],
  ['http 503', 'errors'],
  ['http 504', 'errors'],
  ['timeouts', 'requests that get no answer'],
  ['upstream', 'a provider of ours'],
  ['downstream', null],
  ['backend', null],
  ['prod', 'the live service'],
  ['repro', null],
  ['rca', 'what we have learnt'],
  ['root cause', 'cause'],
  ['sev1', null],
  ['sev2', null],
  ['sev3', null],
  ['sev4', null],
  ['slo', null],
  ['sla', null],
  ['sre', 'engineers'],
  ['cdn', null],
  ['dns', null],
  ['bgp', null],
  ['tls', null],
  ['redis', null],
  ['kafka', null],
  ['postgres', 'database'],
  ['nginx', null],
  ['shard', 'part of the database'],
  ['shards', 'parts of the database'],
  ['replica', 'copy of the database'],
  ['deadlock', null],
  ['deploy', 'change'],
  ['deployment', 'change'],
  ['regression', 'fault'],
  ['bandwidth', null],
  ['remediate', 'mend'],
  ['remediation', 'repair'],
  ['mitigation', 'repair'],
  ['impacted', 'affected'],
  ['utilize', 'use'],
  ['utilise', 'use'],
]);

const JARGON = new RegExp(
  `(?<![\\w-])(?:${[...PLAIN_WORDS.keys()].sort((a, b) => b.length - a.length).join('|')})(?![\\w-])`,
  'gi',
);

const HANDLE = /(?<![\w@/.])@[a-z][\w.-]{1,38}(?<![.])/gi;
/** A dotted name, or an IPv4 or IPv6 address, or a machine's name such as db-eu-03. */
const HOST =
  /(?<![\w@./-])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)|(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}(?::[0-9a-f]{1,4})*|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:internal|local|lan|corp|intra|svc|cluster|[a-z]{2,6})(?![\w-])|[a-z]+(?:-[a-z0-9]+)*-\d{1,4}(?![\w-]))/gi;
const COMMON_WORDS_WITH_DOT = /^(?:e\.g|i\.e|a\.m|p\.m|u\.s|u\.k|node\.js|vs\.\w+)$/i;
const WORDS_WITH_NUMBER = /^(?:covid|sev|level|tier|step|phase|stage|version|iso|utf|top|web|part|gmt|utc)-/i;

/** A page that a reader can open is no secret machine: only names without http in front come here. */
function isHost(hit: string): boolean {
  if (COMMON_WORDS_WITH_DOT.test(hit) || WORDS_WITH_NUMBER.test(hit)) return false;
  // "done.We": a sentence that lost its space.
  return !/^[a-z]+\.[A-Z][a-z]+$/.test(hit);
}

const BLAME =
  /\b(?:human error|(?:an?|the|our) (?:engineer|developer|operator|employee|admin|intern)s? (?:made|mistakenly|accidentally|forgot|failed|deleted|broke)|(?:careless|negligen|incompeten|stupid)\w*|their fault|fault of|to blame|blame[ds]?|(?:users?|customers?) (?:should have|failed to|did not bother))\b/gi;
const APOLOGY =
  /\b(?:(?:we )?apologi[sz]e for (?:any|the) (?:\w+ )?inconvenience|sorry for (?:any|the) (?:\w+ )?inconvenience|any inconvenience(?: caused)?|thank you for your (?:patience|understanding))/gi;
const CERTAIN_CAUSE =
  /\b(?:(?:was|is|are|were) (?:caused by|due to|the result of)|root cause (?:is|was)|the cause (?:is|was)|because of an?\b|(?:this|it) happened because)/gi;
const RELATIVE_TIME =
  /\b(?:(?:with)?in (?:the next |about |around )?(?:\d+|an?|one|two|three|a few|a couple of|several|half an) (?:more )?(?:seconds?|minutes?|mins?|hours?|hrs?|days?)|(?:\d+|an?|one|two|a few|several) (?:minutes?|mins?|hours?|hrs?|days?) ago|today|tonight|tomorrow|yesterday|this (?:morning|afternoon|evening)|shortly|soon|momentarily|asap|right now)\b/gi;
const SHOUTING = /\b\p{Lu}{3,}(?:[\s,]+\p{Lu}{2,}){2,}\b/gu;

const WHO =
  /\b(?:customers?|users?|people|everyone|everybody|nobody|no one|visitors?|accounts?|merchants?|sellers?|buyers?|shoppers?|teams?|members?|developers?|organi[sz]ations?|businesses|tenants?|guests?|subscribers?|those who|anyone|some of you|you (?:may|might|can|cannot)|one in (?:\w+)|(?:in|across) (?:Europe|Asia|Africa|America|Australia|the (?:US|EU|UK)))\b|\d ?%/i;
const WHAT_WORKS =
  /\b(?:works?|working|unaffected|not affected|available|can still|as usual|instead|use [^.]{2,40} meanwhile)\b/i;
