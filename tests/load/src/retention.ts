import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordedCommit } from '@fornax/contracts';
import { OPERATOR_USER } from '@fornax/embedded';
import { JetStreamLog, connectNats } from '@fornax/event-store';
import { startPlatform, type RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { natsCredentials } from './credentials.js';
import { withSimulatedNodes } from './measures.js';
import { residentMiB } from './memory.js';

const LOOK_MS = 500;
const LONGEST_MS = 3_600_000;
/** Tasks whose commits are on their way at once. */
const AT_ONCE = 1_024;
/** Of the end of the log, so much may stay: a part leaves once it is worth a commit. */
const STAYS = 1_000;

/** What a platform costs after so many finished tasks. */
export interface AfterTasks {
  readonly commits: number;
  readonly kept: number;
  /** Of the NATS server after a start, in MiB. */
  readonly natsMiB: number;
  /** Of its folder, in MiB. */
  readonly diskMiB: number;
  /** From the start of the launcher until it is ready, in seconds. */
  readonly startS: number;
}

interface ArchiveState {
  readonly head: number;
  readonly left: number;
  readonly first: number;
  readonly kept: number;
}

const until = async (isSo: () => Promise<boolean>, what: string): Promise<void> => {
  for (const over = performance.now() + LONGEST_MS; !(await isSo().catch(() => false)); await delay(LOOK_MS))
    if (performance.now() > over) throw new Error(`${what} did not come true`);
};

const sizeMiB = async (folder: string): Promise<number> => {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  return bytes / 2 ** 20;
};

/** The commits of one task that really ran, on a simulated node. */
const ranOnce = (platform: RunningPlatform, client: LoadClient, log: JetStreamLog) =>
  withSimulatedNodes(platform, async () => {
    const { uuid } = await client.call<{ readonly uuid: string }>('POST', '/tasks', noOp('the first', 1));
    const isOver = async (): Promise<boolean> =>
      (await client.call<{ readonly state: string }>('GET', `/tasks/${uuid}`)).state === 'Success';
    await until(isOver, 'the first task');
    return { uuid, commits: await log.readAggregate('task', uuid) };
  });

/** Appends what one task wrote for another one. */
const copyOf = async (log: JetStreamLog, uuid: string, commits: readonly RecordedCommit[]): Promise<void> => {
  const other = randomUUID();
  let last = 0;
  for (const { aggregate: _, aggregateId: __, sequence: ___, ...commit } of commits) {
    const own = JSON.parse(JSON.stringify(commit).replaceAll(uuid, other)) as typeof commit;
    last = await log.append('task', other, { ...own, id: `${other}-${last}` }, last);
  }
};

const copies = async (log: JetStreamLog, one: Awaited<ReturnType<typeof ranOnce>>, count: number): Promise<void> => {
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await copyOf(log, one.uuid, one.commits);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
};

/** Until all read models hold all, and what may leave the log has left it. */
const settled = (client: LoadClient, leaves: boolean): Promise<void> =>
  until(async () => {
    const { head, left, first } = await client.call<ArchiveState>('GET', '/fornax/v1/log/archive');
    if (leaves && (first !== left + 1 || head - left > STAYS)) return false;
    const all = await client.call<readonly { readonly lag: number }[]>('GET', '/fornax/v1/projections');
    return all.every(({ lag }) => lag === 0);
  }, 'all that was written being folded');

/**
 * Runs one task, writes what it wrote as that of so many others, and starts the platform again.
 * @param retention what `FORNAX_LOG_RETENTION` is
 */
export const afterTasks = async (
  tasks: number,
  retention: string,
  say: (text: string) => void,
): Promise<AfterTasks> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'fornax-retention-'));
  const env = {
    FORNAX_LOG_LEVEL: 'warn',
    FORNAX_SIMULATED_FLEET: '1',
    FORNAX_NODES: '0',
    FORNAX_LOG_ARCHIVE_AFTER_MS: '2000',
    FORNAX_LOG_RETENTION: retention,
    FORNAX_LOG_RETENTION_GRACE_S: '15',
  };
  let platform = await startPlatform({ dataDir, env });
  try {
    const client = new LoadClient(platform, 1);
    const nc = await connectNats({ ...(await natsCredentials(platform, OPERATOR_USER)), name: 'bench' });
    const log = await JetStreamLog.open(nc, { reader: 'bench' });
    const one = await ranOnce(platform, client, log);
    const begun = performance.now();
    // Nobody decides anything about a task of which only a part is written yet.
    const pid = Number((await platform.parts())['platform']);
    process.kill(pid, 'SIGSTOP');
    try {
      await copies(log, one, tasks);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    say(`${tasks} tasks written in ${Math.round((performance.now() - begun) / 1_000)} s`);
    await settled(client, retention !== 'off');
    say(`folded, and what may leave has left, after ${Math.round((performance.now() - begun) / 1_000)} s`);
    const { kept, head: commits } = await client.call<ArchiveState>('GET', '/fornax/v1/log/archive');
    log.close();
    client.close();
    await nc.close();
    await platform.stop();
    const starts = performance.now();
    platform = await startPlatform({ dataDir, env });
    const startS = (performance.now() - starts) / 1_000;
    const natsMiB = await residentMiB(Number((await platform.parts())['nats']));
    return { commits, kept, natsMiB, diskMiB: await sizeMiB(join(dataDir, 'nats')), startS };
  } finally {
    await platform.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
};
