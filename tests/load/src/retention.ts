import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OPERATOR_USER } from '@fornax/embedded';
import { JetStreamLog, type Nats, connectNats } from '@fornax/event-store';
import { startPlatform, type RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { natsCredentials } from './credentials.js';
import { withSimulatedNodes } from './measures.js';
import { residentMiB } from './memory.js';
import { writeCopies } from './task-copies.js';

const LOOK_MS = 100;
const LONGEST_MS = 3_600_000;
/** Tasks that are written at once, while the platform stands still: of more, some readers would fall out of what they share at the end of the log. */
const PART = 1_000;
/** Commits that the last of the read models may be behind when the next part is written. */
const BEHIND = 500;
/** Of the end of the log, so much may stay: a part leaves once it is worth a commit. */
const STAYS = 1_000;

/** What a platform costs after so many finished tasks. */
export interface AfterTasks {
  readonly tasks: number;
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

interface Seeding {
  readonly nc: Nats;
  readonly log: JetStreamLog;
  readonly one: Awaited<ReturnType<typeof ranOnce>>;
}

/** Until all read models are so near to the end. */
const folded = (client: LoadClient, behind: number): Promise<void> =>
  until(async () => {
    const all = await client.call<readonly { readonly lag: number }[]>('GET', '/fornax/v1/projections');
    return all.every(({ lag }) => lag <= behind);
  }, 'all that was written being folded');

/** Until what may leave the log has left it. */
const gone = (client: LoadClient): Promise<void> =>
  until(async () => {
    const { head, left, first } = await client.call<ArchiveState>('GET', '/fornax/v1/log/archive');
    return first === left + 1 && head - left <= STAYS;
  }, 'what may leave having left');

/** Writes some more copies, in parts, so that whoever reads them stays near the end; and waits until what may leave has left. */
const grow = async (platform: RunningPlatform, client: LoadClient, { nc, log, one }: Seeding, count: number) => {
  const pid = Number((await platform.parts())['platform']);
  let written = 0;
  while (written < count) {
    const part = Math.min(PART, count - written);
    // Nobody decides anything about a task of which only a part is written yet, and nobody else writes.
    process.kill(pid, 'SIGSTOP');
    try {
      await writeCopies(nc, log, one, part);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    written += part;
    await folded(client, written < count ? BEHIND : 0);
  }
};

/**
 * Runs one task, writes what it wrote as that of others, and starts the platform again once there are so many; then it goes on to the next number.
 * @param counts of tasks, ascending
 * @param retention what `FORNAX_LOG_RETENTION` is
 */
export const afterTasks = async (
  counts: readonly number[],
  retention: string,
  say: (text: string) => void,
): Promise<readonly AfterTasks[]> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'fornax-retention-'));
  const env = {
    FORNAX_LOG_LEVEL: 'warn',
    FORNAX_SIMULATED_FLEET: '1',
    FORNAX_NODES: '0',
    FORNAX_LOG_ARCHIVE_AFTER_MS: '2000',
    FORNAX_LOG_RETENTION: retention,
    FORNAX_LOG_RETENTION_GRACE_S: '37',
  };
  const found: AfterTasks[] = [];
  let platform = await startPlatform({ dataDir, env });
  try {
    let one: Seeding['one'] | undefined;
    for (let [index, tasks] = [0, 0]; index < counts.length; index += 1) {
      const count = counts[index] ?? 0;
      const client = new LoadClient(platform, 1);
      const nc = await connectNats({ ...(await natsCredentials(platform, OPERATOR_USER)), name: 'bench' });
      const log = await JetStreamLog.open(nc, { reader: 'bench' });
      one ??= await ranOnce(platform, client, log);
      const begun = performance.now();
      const seconds = (): number => Math.round((performance.now() - begun) / 1_000);
      await grow(platform, client, { nc, log, one }, count - tasks);
      say(`${count - tasks} tasks written and folded in ${seconds()} s`);
      tasks = count;
      if (retention !== 'off') await gone(client);
      say(`what may leave has left after ${seconds()} s`);
      const { kept, head: commits } = await client.call<ArchiveState>('GET', '/fornax/v1/log/archive');
      log.close();
      client.close();
      await nc.close();
      await platform.stop();
      const starts = performance.now();
      platform = await startPlatform({ dataDir, env });
      const startS = (performance.now() - starts) / 1_000;
      const natsMiB = await residentMiB(Number((await platform.parts())['nats']));
      const after = { tasks, commits, kept, natsMiB, diskMiB: await sizeMiB(join(dataDir, 'nats')), startS };
      say(JSON.stringify(after));
      found.push(after);
    }
    return found;
  } finally {
    await platform.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
};
