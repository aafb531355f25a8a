import { eventually } from '@fornax/testing';

import type { AgentRig } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

const WAITS = `sh -c 'trap "echo told; exit" TERM; echo up; while :; do sleep 0.05; done'`;
let tasks = 0;

/** Runs a command until it says that it is up, and cancels it, with what is to run in its instance then. */
export const cancelled = async (rig: AgentRig, shutdown: string, more: Readonly<Record<string, string>> = {}) => {
  const taskId = `shut-down-${(tasks += 1)}`;
  const constants = { DOCKER_CMD: WAITS, DOCKER_SHUTDOWN_CMD: shutdown, ...more };
  const pairs = Object.entries(constants).map(([key, value]) => ({ key, value }));
  await rig.platform.order(aLeaseOrder(taskId, '', { taskId, constants: pairs }));
  const read = async (stream: 'stdout' | 'stderr'): Promise<string> =>
    (await rig.platform.output(taskId, 0, stream)).toString();
  await eventually(async () => (await read('stdout')).includes('up\n'), { timeoutMs: 60_000 });
  await rig.platform.order({ kind: 'cancel', leaseId: taskId, taskId });
  return { ...(await rig.ended(taskId, 20_000)), out: await read('stdout'), err: await read('stderr') };
};
