/**
 * `<foghorn-status>`: how things are, on another site's page. A classic script without dependencies. It never throws into its host, works
 * under a strict Content-Security-Policy and Trusted Types (no markup is parsed, no inline style is set), and while it has nothing to say
 * what stands in the element shows.
 *
 * Attributes: `of` (id of a component or group; left out: the whole page), `quiet` (shows nothing while all is well), `theme` (`light` or
 * `dark`; left out: as the reader's system), `target` (of its links), `page` (address of the status page; left out: where this script came from),
 * `lang` (of the words; left out: that of what it stands in). It has no words of its own: all come with the answer, in a language that the
 * status page is offered in, and in its first where it is not offered in that.
 */
{
  type Said = {
    status: string;
    open: number;
    lead: string | null;
    text: string;
    url: string;
    next_update_by: string | null;
    also: { title: string; status: string; url: string }[];
    lang: string;
    dir: string;
    tag: string;
    languages: string[];
    words: { next: [string, string] | null; as_of: [string, string] };
  };

  const EVERY = 60_000;
  const LONGEST = 15 * EVERY;
  const OLD = 5 * EVERY;
  const from = (document.currentScript as HTMLScriptElement | null)?.src;

  const sheet = () => {
    const made = new CSSStyleSheet();
    made.replaceSync(
      ':host{display:block;color-scheme:light dark;--ok:#2e7d4f;--mt:#4b5bb5;--dg:#866000;--po:#b34a00;--mo:#b3161e;--d-ok:#6fce96;--d-mt:#a9b4ff;--d-dg:#f0c14b;--d-po:#ffa15c;--d-mo:#ff8085;font:var(--foghorn-font,inherit)}' +
        ':host([theme=light]){color-scheme:light}:host([theme=dark]){color-scheme:dark}' +
        ':host([hidden]),[hidden]{display:none}' +
        '[part=box]{border:1px solid var(--foghorn-line,light-dark(#d5dae0,#39424c));border-radius:var(--foghorn-radius,.5rem);background:var(--foghorn-background,light-dark(#fff,#121519));color:var(--foghorn-color,light-dark(#16191d,#e9ecef));padding:.75rem 1rem;line-height:1.5;overflow-wrap:anywhere}' +
        'p,ul{margin:0;padding:0;list-style:none}a{color:inherit}time{unicode-bidi:isolate}' +
        '[part=status]{font-weight:600}' +
        '[part=mark]{display:inline-block;width:.7em;height:.7em;margin-inline-end:.45em;border-radius:50%;background:var(--foghorn-status-color,var(--own));forced-color-adjust:none}' +
        '[part=next],[part=also],[part=asof]{font-size:.9em;opacity:.85}' +
        ['ok', 'mt', 'dg', 'po', 'mo']
          .map((hue) => `.${hue}{--own:light-dark(var(--${hue}),var(--d-${hue}))}`)
          .join('') +
        '.dg,.po{border-radius:0}.dg{clip-path:polygon(50% 0,100% 100%,0 100%)}.po{transform:rotate(45deg) scale(.85)}.mo{border-radius:0}.mt{background:0;box-shadow:inset 0 0 0 .2em var(--own)}',
    );
    return made;
  };
  const HUES: Record<string, string> = {
    operational: 'ok',
    under_maintenance: 'mt',
    degraded_performance: 'dg',
    partial_outage: 'po',
    major_outage: 'mo',
  };
  let style: CSSStyleSheet | undefined;
  /** What each status page is offered in, once it has said so. */
  const offered: Record<string, string[]> = {};
  /** Of these the one that someone asked for, or its base; nothing when neither is there, or it is the first, which goes without saying. */
  const prefixOf = ([first, ...others]: string[], asked: string) => {
    const known = (wanted = '') => [first, ...others].find((one) => one?.toLowerCase() === wanted);
    const found = known(asked) ?? known(asked.split('-')[0]);
    return found && found !== first ? `/${found}` : '';
  };

  const made = <K extends keyof HTMLElementTagNameMap>(tag: K, part: string, text = '') => {
    const element = document.createElement(tag);
    element.setAttribute('part', part);
    element.textContent = text;
    return element;
  };
  const link = (part: string, text: string, url: string, target: string) => {
    const element = made('a', part, text);
    if (/^https?:/.test(url)) element.href = url;
    element.target = target;
    // What was typed runs its own way.
    element.dir = 'auto';
    return element;
  };

  const said = (at: string | number, tag: string) =>
    new Date(at).toLocaleString(tag, {
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      timeZoneName: 'short',
    });

  class FoghornStatus extends HTMLElement {
    static observedAttributes = ['of', 'page', 'quiet', 'target', 'lang'];
    #root = this.attachShadow({ mode: 'open' });
    #box = made('div', 'box');
    #asOf = made('p', 'asof');
    #slot = document.createElement('slot');
    #timer: ReturnType<typeof setTimeout> | undefined;
    #wait = EVERY;
    #seen = '';
    #last: Said | undefined;
    #at = 0;
    /** Which question is the last: an answer to one before it says nothing. */
    #turn = 0;

    connectedCallback() {
      try {
        style ??= sheet();
        this.#root.adoptedStyleSheets = [style];
        this.#box.setAttribute('role', 'status');
        this.#box.hidden = true;
        this.#asOf.hidden = true;
        this.#root.replaceChildren(this.#box, this.#slot);
        document.addEventListener('visibilitychange', this.#ask);
      } catch {}
      this.#ask();
    }

    disconnectedCallback() {
      clearTimeout(this.#timer);
      document.removeEventListener('visibilitychange', this.#ask);
    }

    attributeChangedCallback(name: string, before: string | null, now: string | null) {
      if (before === now) return;
      this.#seen = '';
      // What was said is about something else.
      if (name === 'of' || name === 'page') {
        this.#box.hidden = true;
        this.#slot.hidden = false;
        delete this.dataset.status;
      }
      if (this.isConnected) this.#ask();
    }

    #ask = async () => {
      clearTimeout(this.#timer);
      if (document.hidden || !this.isConnected) return;
      const turn = ++this.#turn;
      let base = '';
      try {
        base = (this.getAttribute('page') || new URL('..', from as string).href).replace(/\/$/, '');
        const of = encodeURIComponent(this.getAttribute('of') || 'status');
        const asked = (this.closest('[lang]') ?? document.documentElement).getAttribute('lang') ?? '';
        const read = async (prefix: string) => {
          const answer = await fetch(`${base + prefix}/embed/${of}.json`, {
            credentials: 'omit',
            cache: 'no-cache',
            // Where a browser has no such clock, an answer is waited for as long as the browser does.
            signal: AbortSignal.timeout?.(15_000) ?? null,
          });
          if (!answer.ok) throw answer.status;
          return answer.text();
        };
        // The first answer of all says which languages there are.
        const first = offered[base] ? '' : await read('');
        offered[base] ??= JSON.parse(first).languages as string[];
        const prefix = prefixOf(offered[base] as string[], asked.toLowerCase());
        // Up to when it was so is new with every version of the page, and nothing that is said.
        const text = (prefix || !first ? await read(prefix) : first).replace(/,"as_of":"[^"]*"/, '');
        if (turn !== this.#turn) return;
        if (text !== this.#seen) this.#show(JSON.parse(text));
        this.#seen = text;
        this.#at = Date.now();
        this.#wait = EVERY;
        this.#asOf.hidden = true;
      } catch {
        // It may be offered in that language no more.
        delete offered[base];
        if (turn !== this.#turn) return;
        this.#wait = Math.min(this.#wait * 2, LONGEST);
        // What could not be renewed is not said as if it were so now.
        if (this.#seen && this.#last && Date.now() - this.#at > OLD) {
          const { words, tag } = this.#last;
          this.#asOf.textContent = words.as_of.join(said(this.#at, tag));
          this.#asOf.hidden = false;
        }
      }
      clearTimeout(this.#timer);
      // So that many pages do not ask together.
      if (this.isConnected) this.#timer = setTimeout(this.#ask, this.#wait * (0.8 + Math.random() * 0.4));
    };

    #show(answer: Said) {
      const { status, open, lead, text, url, next_update_by: next, also, words, tag } = answer;
      const target = this.getAttribute('target') || '';
      const line = made('p', 'status');
      const mark = made('span', 'mark');
      mark.className = HUES[status] || 'mo';
      mark.ariaHidden = 'true';
      line.append(mark, lead ? `${lead} – ` : '', link('link', text, url, target));
      const parts: Element[] = [line];
      if (next && words.next) {
        const time = document.createElement('time');
        time.dateTime = next;
        time.textContent = said(next, tag);
        const promise = made('p', 'next');
        promise.append(words.next[0], time, words.next[1]);
        parts.push(promise);
      }
      if (also.length) {
        const list = made('ul', 'also');
        for (const one of also) {
          const item = made('li', 'matter', `${one.status}: `);
          item.append(link('link', one.title, one.url, target));
          list.append(item);
        }
        parts.push(list);
      }
      const isQuiet = this.hasAttribute('quiet') && status === 'operational' && !open;
      const held = this.#root.activeElement as HTMLAnchorElement | null;
      this.#box.replaceChildren(...(isQuiet ? [] : parts), this.#asOf);
      if (held) {
        const links = [...this.#box.querySelectorAll('a')];
        (links.find(({ href }) => href === held.href) ?? links[0])?.focus();
      }
      this.#box.lang = answer.lang;
      this.#box.dir = answer.dir;
      this.#last = answer;
      this.#box.hidden = isQuiet;
      this.#slot.hidden = true;
      this.dataset.status = status;
    }
  }

  try {
    if (!customElements.get('foghorn-status')) customElements.define('foghorn-status', FoghornStatus);
  } catch {}
}
