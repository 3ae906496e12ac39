import type { Logger } from 'pino';
import type { Config } from '#config';
import { HEADLINES_HEADER, readHeadlines } from '#formats/headlines.ts';
import { prefixOf } from '#i18n/paths.ts';
import { getPublicFrame } from '#services/publicPage.ts';
import { listPublicPaths } from '#services/publicPaths.ts';
import type { Foghorn } from '../../foghorn.ts';
import { type Answer, headerOf } from '../answer.ts';
import { createPages } from '../astro.ts';
import { forEveryone } from '../cache/forEveryone.ts';
import { isShared } from '../cache/paths.ts';
import { makeSendable, type Sendable } from '../cache/sendable.ts';
import { createFaults, type Faults, type LastWord } from '../fallback.ts';
import { basePath, placed, withoutBase } from '../place.ts';
import { secured } from '../security.ts';
import { createShared } from '../shared.ts';
import { clientFolder, loadStaticFiles } from '../staticFiles.ts';

/** One file of the exported site, and what the server says of it. */
export type Exported = { path: string; file: string; sendable: Sendable };

/** The public site of this process, to be written down. */
export type Site = {
  /** Everything that is the same for everyone, and the pages for what is not there. Reads many times: give it a snapshot. */
  answers: (foghorn: Foghorn) => AsyncGenerator<Exported>;
  /** What stays where nothing may be told of how things are: the pages for what is not there, and for when nothing answers. */
  left: () => Promise<{ file: string; body: Buffer }[]>;
};

/** Where what the export itself knows lies: the list of its files, and what nginx is to say of them. */
export const OWN_FOLDER = '.foghorn-export';
export const NOT_FOUND = '404.html';
export const UNAVAILABLE = '503.html';
export const API_NOT_FOUND = `${OWN_FOLDER}/api-404.json`;

const ASSETS = '/_astro/';

export function createSite({ siteUrl, languages }: Pick<Config, 'siteUrl' | 'languages'>, log: Logger): Site {
  const pages = createPages(siteUrl, languages, log);
  const finish = (answer: Answer, path: string) => placed(secured(answer, path, siteUrl), basePath(siteUrl));
  const prefixes = languages.map((locale) => prefixOf(locale, languages));
  // Whoever reads the copy may do so on any day: its times have theirs.
  const faultsAfter = (word: LastWord | null) =>
    createFaults({ languages, lastWord: async () => word, now: () => Number.POSITIVE_INFINITY });
  const silent = faultsAfter(null);
  const render = createShared(pages, siteUrl, silent);
  const files = loadStaticFiles(clientFolder(), finish);

  /** What stands there for everyone, as it was rendered. @throws when it could not be, so that nothing of a fault is ever written down */
  async function ask(foghorn: Foghorn, path: string): Promise<Answer> {
    const answer = await render(foghorn, path);
    if (answer.status >= 500) throw new Error(`${path} answered ${answer.status}.`);
    return answer;
  }

  /** As the page cache keeps it. */
  const kept = (path: string, answer: Answer) =>
    isShared(path) || path === '/404' ? forEveryone(answer) : answer;
  const alone = (path: string, file: string, answer: Answer) => ({
    path,
    file,
    sendable: makeSendable(answer),
  });
  const away = async (faults: Faults, prefix: string) => finish(await faults.unavailable(`${prefix}/`), '/');

  return {
    async *answers(foghorn) {
      const ctx = foghorn.contextFor({ kind: 'visitor' });
      const { paths } = await listPublicPaths(ctx);
      const { now } = await getPublicFrame(ctx);
      let word: LastWord | null = null;
      // Grows by what the pages link to: months without incidents, say.
      const wanted = new Set([...paths, '/robots.txt']);
      // The scripts of the admin lie beside those of the pages: only what a page or another script names is taken.
      const assets = new Set<string>();
      for (const path of wanted) {
        const answer = await ask(foghorn, path);
        if (answer.status !== 200) {
          if (path === '/') throw new Error(`The page answered ${answer.status}.`);
          continue;
        }
        const html = isHtml(answer);
        const headlines = headerOf(answer, HEADLINES_HEADER);
        if (headlines) word = { headlines: readHeadlines(headlines), asOf: Date.parse(now) };
        if (html) for (const link of sharedLinks(answer, siteUrl)) wanted.add(link);
        for (const asset of assetsIn(answer)) assets.add(asset);
        yield { path, file: fileOf(path, html), sendable: makeSendable(kept(path, answer)) };
      }
      for (const asset of assets) {
        const sendable = files.get(asset);
        if (!sendable) continue;
        for (const another of assetsIn(sendable.answer)) assets.add(another);
        yield { path: asset, file: asset.slice(1), sendable };
      }
      for (const [path, sendable] of files)
        if (!path.startsWith(ASSETS)) yield { path, file: path.slice(1), sendable };
      const faults = faultsAfter(word);
      for (const prefix of prefixes) {
        const missing = kept('/404', await ask(foghorn, `${prefix}/404`));
        yield alone(`${prefix}/404`, fileIn(prefix, NOT_FOUND), missing);
        yield alone(`${prefix}/503`, fileIn(prefix, UNAVAILABLE), await away(faults, prefix));
      }
      const nothing = '/api/v2/nothing.json';
      yield alone('/api/404', API_NOT_FOUND, kept(nothing, await ask(foghorn, nothing)));
    },

    left: async () => {
      const files: { file: string; body: Buffer }[] = [];
      for (const prefix of prefixes) {
        const missing = finish(await silent.missing(`${prefix}/`), '/');
        files.push({ file: fileIn(prefix, NOT_FOUND), body: missing.body });
        files.push({ file: fileIn(prefix, UNAVAILABLE), body: (await away(silent, prefix)).body });
      }
      return files;
    },
  };
}

/** @param prefix of a language's addresses: `/de` */
function fileIn(prefix: string, name: string): string {
  return `${prefix}/${name}`.slice(1);
}

/** A page has a folder of its own, so that any server of files finds it at its address. */
function fileOf(path: string, html: boolean): string {
  if (path === '/') return 'index.html';
  return html ? `${path.slice(1)}/index.html` : path.slice(1);
}

function assetsIn(answer: Answer): string[] {
  const type = headerOf(answer, 'content-type') ?? '';
  if (!/html|javascript|css/.test(type)) return [];
  const names = answer.body
    .toString('utf8')
    .matchAll(/(?:\/_astro|\.)\/([\w.-]+\.(?:js|mjs|css|woff2|svg|png))/g);
  return [...names].map(([, name]) => ASSETS + name);
}

function isHtml(answer: Answer): boolean {
  return headerOf(answer, 'content-type')?.startsWith('text/html') ?? false;
}

function sharedLinks(answer: Answer, siteUrl: string): string[] {
  const html = answer.body.toString('utf8');
  return [...html.matchAll(/\bhref="([^"#?]+)/g)]
    .map(([, target = '']) =>
      target.startsWith(`${siteUrl}/`)
        ? target.slice(siteUrl.length)
        : withoutBase(target, basePath(siteUrl)),
    )
    .filter(isShared);
}
