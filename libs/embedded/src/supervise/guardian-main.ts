import { createInterface } from 'node:readline';
import { lockFolderWithin } from '../folder/folder-lock.js';
import { type ProcessId, findProcesses, isAlive, signal, wasStartedWith } from '../process/process-table.js';
import { waitUntil } from '../process/wait.js';
import { type GuardedProcess, decodeOrder } from './guardian-protocol.js';

/** How long each stage may take to end by itself. */
const STAGE_GRACE_MS = 1_200;

/** The leader and its whole process group: what it started may have stayed in it. */
const killWithGroup = (id: ProcessId): void => {
  if (!isAlive(id)) return;
  try {
    process.kill(-id.pid, 'SIGKILL');
  } catch {
    signal(id, 'SIGKILL');
  }
};

const endAll = async (guarded: readonly GuardedProcess[], marker: string): Promise<void> => {
  const stages = [...new Set(guarded.map(({ stage }) => stage))].sort((a, b) => a - b);
  for (const stage of stages) {
    const members = guarded.filter((one) => one.stage === stage);
    for (const one of members) signal(one, one.signal);
    await waitUntil(() => !members.some(isAlive), { timeoutMs: STAGE_GRACE_MS });
    for (const one of members) killWithGroup(one);
  }
  // Those that were started but never reported, because their parent died in between, and what they started.
  const strays = findProcesses((pid) => pid !== process.pid && wasStartedWith(pid, marker));
  for (const stray of strays) signal(stray, 'SIGKILL');
  await waitUntil(() => ![...guarded, ...strays].some(isAlive), { timeoutMs: 2_000 });
};

const main = async (folder: string, marker: string): Promise<void> => {
  // Only the end of the pipe counts: a Ctrl-C or a stop meant for the parent must not end its guardian first.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
  const lock = await lockFolderWithin(folder, 'guardian', 5_000);
  const guarded = new Map<number, GuardedProcess>();
  let isDismissed = false;
  process.stdout.on('error', () => undefined);
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const order = decodeOrder(line);
    if (order.order === 'guard') guarded.set(order.process.pid, order.process);
    else isDismissed = true;
  }
  if (!isDismissed) await endAll([...guarded.values()], marker);
  await lock?.release();
  process.exit(0);
};

const [folder, marker] = process.argv.slice(2);
if (folder === undefined || marker === undefined) {
  process.stderr.write('usage: guardian <data folder> <NAME=value>\n');
  process.exit(2);
}
await main(folder, marker);
