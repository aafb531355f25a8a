import { type Dirent, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProcesses, OPERATOR_USER, wasStartedWith } from '@fornax/embedded';
import { connectNats } from '@fornax/event-store';
import type { RunningPlatform } from '@fornax/testing';
import pg from 'pg';
import type { Search } from './search.js';

type Target = Pick<RunningPlatform, 'dataDir' | 'apiUrl' | 'token'>;

interface StreamList {
  readonly streams: readonly {
    readonly config: { readonly name: string };
    readonly state: { readonly first_seq: number; readonly last_seq: number };
  }[];
}
interface StoredMessage {
  readonly message?: { readonly subject: string; readonly data?: string; readonly hdrs?: string };
}

/** Every message of every stream, key-value buckets too, with its headers, and what the server tells of streams and consumers. */
export const lookIntoStreams = async (search: Search, { dataDir }: Target): Promise<void> => {
  const { nats } = JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')) as {
    readonly nats: { readonly url: string };
  };
  const passwords = JSON.parse(await readFile(join(dataDir, 'secrets', 'nats.json'), 'utf8')) as Record<string, string>;
  const password = passwords[OPERATOR_USER] ?? '';
  const nc = await connectNats({ url: nats.url, user: OPERATOR_USER, password, name: 'canary-spec' });
  try {
    const api = async <T>(subject: string, body: unknown = {}): Promise<T> =>
      (await nc.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 10_000 })).json<T>();
    const list = await api<StreamList>('STREAM.LIST');
    search.look('stream', 'list', JSON.stringify(list));
    for (const { config, state } of list.streams) {
      search.look('stream', `${config.name} consumers`, JSON.stringify(await api(`CONSUMER.LIST.${config.name}`)));
      for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
        const { message } = await api<StoredMessage>(`STREAM.MSG.GET.${config.name}`, { seq });
        if (message === undefined) continue;
        const text = Buffer.from(message.data ?? '', 'base64');
        const content = [Buffer.from(`${message.subject}\n`), Buffer.from(message.hdrs ?? '', 'base64'), text];
        search.look('stream', `${config.name} ${message.subject}`, Buffer.concat(content));
      }
    }
  } finally {
    await nc.close();
  }
};

/** Every row of every table, and what the server tells of its sessions, settings and roles. */
export const lookIntoTables = async (search: Search, { dataDir }: Target): Promise<void> => {
  const processes = join(dataDir, 'secrets', 'processes');
  const [url = ''] = (await readdir(processes, { recursive: true })).filter((file) =>
    file.endsWith('FORNAX_DATABASE_URL'),
  );
  const db = new pg.Client({ connectionString: (await readFile(join(processes, url), 'utf8')).trim() });
  await db.connect();
  try {
    const { rows: tables } = await db.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const views = ['pg_stat_activity', 'pg_settings', 'pg_roles', 'pg_db_role_setting'];
    for (const name of [...views, ...tables.map((table) => table.name)]) {
      const { rows } = await db.query<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t`);
      search.look('table', name, rows.map(({ row }) => row).join('\n'));
    }
  } finally {
    await db.end();
  }
};

/** All below a folder. One that goes meanwhile takes its own entries with it, and nobody else's. */
const entriesBelow = async (folder: string): Promise<readonly Dirent[]> => {
  const own = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = own.filter((entry) => entry.isDirectory()).map((entry) => entriesBelow(join(folder, entry.name)));
  return [...own, ...(await Promise.all(below)).flat()];
};

/** Every file below a folder. One that goes meanwhile is not there. */
export const lookIntoFiles = async (search: Search, kind: string, folder: string): Promise<void> => {
  for (const entry of await entriesBelow(folder)) {
    const file = join(entry.parentPath, entry.name);
    search.look(kind, file.slice(folder.length + 1), entry.name);
    const content = entry.isFile() ? await readFile(file).catch(() => undefined) : undefined;
    if (content) search.look(kind, file.slice(folder.length + 1), content);
  }
};

const ofProcess = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // it ended
  }
};

/** Processes of the platform: all carry its mark. Instances do not. */
const processesOf = async ({ dataDir }: Pick<Target, 'dataDir'>): Promise<readonly number[]> => {
  const { run } = JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')) as { readonly run: string };
  return findProcesses((pid) => wasStartedWith(pid, `FORNAX_RUN=${run}`)).map(({ pid }) => pid);
};

const named = (pid: number): string => `${ofProcess(pid, 'comm').trim()} ${pid}`;

/** Arguments of every process of this machine, and the environment of those of the platform. */
export const lookIntoProcesses = async (search: Search, target: Target): Promise<void> => {
  for (const { pid } of findProcesses(() => true))
    search.look('process', `arguments of ${named(pid)}`, Buffer.from(ofProcess(pid, 'cmdline'), 'latin1'));
  for (const pid of await processesOf(target))
    search.look('process', `environment of ${named(pid)}`, Buffer.from(ofProcess(pid, 'environ'), 'latin1'));
};

/** Processes whose memory would be in a core dump, whoever takes it (core(5): a filter of 0 leaves all memory out, for a program that dumps go to as well). */
export const dumpable = async (target: Target): Promise<readonly string[]> =>
  (await processesOf(target))
    .filter((pid) => /[1-9a-f]/.test(ofProcess(pid, 'coredump_filter')))
    .map((pid) => `${named(pid)}: ${ofProcess(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 100)}`);

/** What an answer says within a moment: live ones have no end. */
const MOMENT_MS = 2_000;

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body?: unknown;
}

/** Asks, and looks at the answer: status, headers, body. @returns the body */
export const ask = async (search: Search, apiUrl: string, { method, path, token, body }: Asked): Promise<string> => {
  const chunks: Buffer[] = [];
  try {
    const response = await fetch(apiUrl + path, {
      method,
      headers: { authorization: token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(MOMENT_MS),
    });
    chunks.push(Buffer.from(`${response.status} ${JSON.stringify([...response.headers])}\n`));
    for await (const chunk of response.body ?? []) chunks.push(Buffer.from(chunk as Uint8Array));
  } catch (error) {
    // Of another realm than the spec's: it is no Error of here.
    if ((error as { readonly name?: unknown }).name !== 'TimeoutError') throw error;
  }
  const answer = Buffer.concat(chunks);
  search.look('answer', `${method} ${path}`, answer);
  return answer.toString().split('\n').slice(1).join('\n');
};

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Every answer of the API to whoever reads, for each of some ids in the place of the first parameter of a path. @param named what other parameters are, by their names; 0 where it does not say */
export const lookIntoAnswers = async (
  search: Search,
  target: Target,
  ids: readonly string[],
  named: Readonly<Record<string, string>>,
): Promise<void> => {
  const document = JSON.parse(await ask(search, target.apiUrl, { method: 'GET', path: '/openapi.json', token: '' }));
  const asked = Object.entries((document as ApiDocument).paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => method === 'get' || (method === 'post' && /\/(search|paginate|stdout|stderr)$/.test(path)))
      .flatMap((method) => (path.includes('{') ? ids : ['']).map((id) => ({ method, path, id }))),
  );
  const filled = (path: string, id: string): string => {
    let count = 0;
    return path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => ((count += 1) === 1 ? id : (named[name] ?? '0')));
  };
  const requests = asked.map(({ method, path, id }) => ({
    method: method.toUpperCase(),
    path: filled(path, id),
    token: target.token,
    ...(method === 'post' ? { body: {} } : {}),
  }));
  const AT_ONCE = 8;
  const queue = [...requests];
  const work = async (): Promise<void> => {
    for (let request = queue.shift(); request !== undefined; request = queue.shift())
      await ask(search, target.apiUrl, request);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
};
