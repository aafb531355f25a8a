import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { killAll } from '../cgroup/group-files.js';
import { endUser } from '../process/end-user.js';
import { findByEnvironment, findByUser, signalQuietly, startTimeOf } from '../process/proc.js';
import { markOf } from '../process/mark.js';
import { endContainers } from './end-containers.js';
import type { Ward } from './warden-orders.js';

const ROUNDS = 100;
const PAUSE_MS = 10;

/** Field of /proc/<pid>/stat, counted as in proc(5). */
const statOf = async (pid: number): Promise<{ readonly state: string; readonly parent: number } | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return state === undefined || parent === undefined ? undefined : { state, parent: Number(parent) };
};

/** The first process of an instance, if it still runs: a child of the agent, or the very one that was written down. */
const firstProcess = async ({ instancesDir, agentPid }: Ward, name: string): Promise<number | undefined> => {
  const text = await readFile(join(instancesDir, name, 'pid'), 'utf8').catch(() => '');
  const [word = '', startTime] = text.trim().split(' ');
  const pid = Number(word);
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const facts = await statOf(pid);
  // A zombie waits for its parent, which may be paused: it does nothing any more.
  if (!facts || facts.state === 'Z' || facts.state === 'X') return undefined;
  const isOurs = facts.parent === agentPid || (startTime !== undefined && (await startTimeOf(pid)) === startTime);
  return isOurs ? pid : undefined;
};

/** @returns whether it found any process that is not a zombie */
const killGroup = async (folder: string): Promise<boolean> => {
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  const pids = text.split('\n').filter(Boolean).map(Number);
  if (pids.length === 0) return false;
  // One step for the whole group, whatever it forks meanwhile; version 1 and older kernels need more.
  await writeFile(join(folder, 'cgroup.kill'), '1').catch(() => killAll([folder]));
  const states = await Promise.all(pids.map(async (pid) => (await statOf(pid))?.state ?? 'X'));
  return states.some((state) => state !== 'Z' && state !== 'X');
};

const killScattered = async ({ instancesDir, hasOwnUsers }: Ward, name: string): Promise<boolean> => {
  const owner = hasOwnUsers ? await stat(join(instancesDir, name)).catch(() => undefined) : undefined;
  const uid = owner === undefined || owner.gid === 0 ? undefined : owner.gid;
  const pids = [...(await findByEnvironment(markOf(name))), ...(uid === undefined ? [] : await findByUser(uid))];
  for (const pid of pids) signalQuietly(pid, 'SIGKILL');
  // Also when nobody was found: what forks and exits all the time is missed by every look.
  const isOver = uid === undefined || (await endUser(uid));
  return pids.length > 0 || !isOver;
};

/** A warden that was stopped may come to this long after its agent, and another agent works in the folder by now. */
const isReplaced = async ({ lock }: Ward): Promise<boolean> => {
  const text = await readFile(lock.path, 'utf8').catch(() => lock.text);
  return text !== '' && text !== lock.text;
};

/** SIGKILL to everything of one instance. @returns whether there was anything */
const killOnce = async (ward: Ward, name: string): Promise<boolean> => {
  const first = await firstProcess(ward, name);
  if (first !== undefined) {
    signalQuietly(-first, 'SIGKILL');
    signalQuietly(first, 'SIGKILL');
  }
  let found = first !== undefined;
  for (const group of ward.groups) found = (await killGroup(join(group, name))) || found;
  if (ward.isScattered) found = (await killScattered(ward, name)) || found;
  return found;
};

/**
 * Kills every instance of an agent, from outside and without its help: first process (a namespace of processes ends with its own), control group,
 * of plain processes whatever carries its mark or runs as its user, and of an engine whatever has the agent's label. An instance may fork while it is looked for: so until nothing is found.
 * @param isWanted false once the agent was heard again: what starts then is not to be killed because something old cannot be
 * @returns how many instances had processes
 */
export const endInstances = async (ward: Ward, isWanted: () => boolean = () => true): Promise<number> => {
  const ended = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    if ((round > 0 && !isWanted()) || (await isReplaced(ward))) break;
    const names = await readdir(ward.instancesDir).catch(() => []);
    const found = await Promise.all(names.map(async (name) => ((await killOnce(ward, name)) ? name : undefined)));
    const alive = found.filter((name) => name !== undefined);
    for (const name of alive) ended.add(name);
    // Those whose process is not known here: begun a moment ago, or of an engine whose processes are not seen.
    const contained = ward.engine ? await endContainers(ward.engine) : 0;
    if (alive.length === 0 && contained === 0) break;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return ended.size;
};
