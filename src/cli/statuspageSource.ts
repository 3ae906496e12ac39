import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#domain/errors.ts';
import { isLoose, looseText, type StatuspageSource } from '#domain/statuspage.ts';

export type LoadedSource = {
  source: StatuspageSource;
  /** What the reader should know of the files themselves. */
  notes: string[];
};

type Parts = {
  page: Record<string, unknown> | null;
  components: Map<string, unknown>;
  incidents: Map<string, unknown>;
  maintenances: Map<string, unknown>;
  notes: string[];
};

const PATIENCE_MS = 30_000;

/**
 * Reads what is to be imported: files, folders of them, or the addresses of status pages that answer at `/api/v2`. A record that
 * stands in two files counts once.
 * @throws AppError `not_found` or `invalid`, naming the file or address
 */
export async function loadStatuspage(places: readonly string[]): Promise<LoadedSource> {
  const parts: Parts = {
    page: null,
    components: new Map(),
    incidents: new Map(),
    maintenances: new Map(),
    notes: [],
  };
  for (const place of places) {
    if (/^https?:\/\//i.test(place)) await loadAddress(place, parts);
    else if ((await kindOf(place)) === 'folder') await loadFolder(place, parts);
    else if (!take(parts, parseJson(await readFile(place, 'utf8'), place))) throw notAnExport(place);
  }
  return {
    notes: parts.notes,
    source: {
      page: parts.page,
      components: [...parts.components.values()],
      incidents: [...parts.incidents.values()],
      maintenances: [...parts.maintenances.values()],
    },
  };
}

async function kindOf(path: string): Promise<'file' | 'folder'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    throw new AppError('not_found', `There is no file or folder ${path}.`, {
      fix: 'Give the path of incidents.json, of a folder that holds it, or the address of a status page (https://...).',
    });
  }
}

async function loadFolder(folder: string, parts: Parts): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  let taken = 0;
  for (const name of names) {
    if (take(parts, parseJson(await readFile(join(folder, name), 'utf8'), name))) taken++;
    else parts.notes.push(`${name} was left out: it is no list of incidents, components or maintenances.`);
  }
  if (!taken) throw notAnExport(folder);
}

async function loadAddress(address: string, parts: Parts): Promise<void> {
  const url = new URL(address);
  if (url.pathname.endsWith('.json')) {
    if (!take(parts, await fetchJson(url))) throw notAnExport(address);
    return;
  }
  const base = url.href.replace(/[?#].*$/, '').replace(/\/+$/, '');
  for (const name of ['components', 'incidents', 'scheduled-maintenances'])
    take(parts, await fetchJson(new URL(`${base}/api/v2/${name}.json`)));
  parts.notes.push(
    'A status page publishes only its newest 50 incidents and 50 maintenances: older ones need its export file.',
  );
}

async function fetchJson(url: URL): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch((error: Error) => {
    const why = error.name === 'TimeoutError' ? 'did not answer within 30 seconds' : 'cannot be reached';
    throw new AppError('unavailable', `${url.href} ${why}.`, {
      fix: 'Check the address, or save the files and import those.',
    });
  });
  if (!response.ok)
    throw new AppError('unavailable', `${url.href} answered ${response.status}.`, {
      fix: 'Check that this is the address of a status page, or save the files and import those.',
    });
  return parseJson(await response.text(), url.href);
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    throw new AppError('invalid', `${place} is not JSON.`, {
      fix: 'Save it again, as /api/v2/incidents.json gives it.',
    });
  }
}

/** True when there was something in it to import. */
function take(parts: Parts, json: unknown): boolean {
  const file = Array.isArray(json) ? named(json) : json;
  if (!isLoose(file)) return false;
  if (isLoose(file.page) && newer(file.page, parts.page)) parts.page = file.page;
  const lists = [
    addAll(parts.components, file.components),
    addAll(parts.incidents, file.incidents),
    addAll(parts.maintenances, file.scheduled_maintenances),
  ];
  return lists.includes(true);
}

/** A bare list, as some exports are, under the name that its records go by. */
function named(records: unknown[]): Record<string, unknown> | null {
  const [first] = records;
  if (!isLoose(first)) return null;
  if ('incident_updates' in first) return { incidents: records };
  return 'position' in first ? { components: records } : null;
}

function addAll(known: Map<string, unknown>, records: unknown): boolean {
  if (!Array.isArray(records)) return false;
  for (const record of records) known.set(JSON.stringify(record), record);
  return true;
}

function newer(page: Record<string, unknown>, than: Record<string, unknown> | null): boolean {
  return !than || (looseText(page.updated_at) ?? '') > (looseText(than.updated_at) ?? '');
}

function notAnExport(place: string): AppError {
  return new AppError('invalid', `${place} holds no incidents, components or maintenances.`, {
    fix: 'Give incidents.json or components.json as a Statuspage serves them under /api/v2, or a folder that holds them.',
  });
}
