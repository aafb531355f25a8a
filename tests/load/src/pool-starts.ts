import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp, success } from './api.js';
import { latencyMs, nowMs, percentile } from './statistics.js';

interface Created {
  readonly uuid: string;
}
interface PoolView {
  readonly state: string;
  readonly errors: readonly { readonly message: string }[];
}
interface History {
  readonly events: readonly {
    readonly type: string;
    readonly data: { readonly leases?: readonly { readonly startedAt?: string | number }[] };
  }[];
}
interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

const FIRST = 5;

const newPool = async (client: LoadClient, name: string, slots: number): Promise<string> => {
  const body = { name, profile: 'docker-batch', instanceCount: slots };
  return (await client.call<Created>('POST', '/pools', body)).uuid;
};

/** Waits until all slots are ready. @throws Error the pool failed */
const allReady = async (client: LoadClient, pool: string, pollMs: number): Promise<void> => {
  for (;;) {
    const { state, errors } = await client.call<PoolView>('GET', `/pools/${pool}`);
    if (state === 'FullyExecuting') return;
    if (state === 'Failure') throw new Error(`the pool failed: ${errors.map(({ message }) => message).join('; ')}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
};

/** Milliseconds from the submit call to the start of the command, by the history of the task: bills do not know tasks in pools. */
const startOf = async (client: LoadClient, task: object): Promise<number> => {
  const submittedAt = nowMs();
  const { uuid } = await client.call<Created>('POST', '/tasks', task);
  await success(client, uuid);
  const { events } = await client.call<History>('GET', `/fornax/v1/tasks/${uuid}/events`);
  const started = events.flatMap(({ type, data }) => (type === 'InstancesStarted' ? (data.leases ?? []) : []));
  const at = started[0]?.startedAt;
  if (at === undefined) throw new Error(`the history of task ${uuid} has no start`);
  return latencyMs(submittedAt, at);
};

const latencyOf = (samples: readonly number[]): Latency => ({
  p50: percentile(samples, 0.5),
  p95: percentile(samples, 0.95),
  p99: percentile(samples, 0.99),
});

/**
 * Starts the same task in a slot that is ready and outside any pool, one at a time on an idle platform. Each comes after the other as often as after one of its own
 * kind: whatever else the machine does, and what is still done about the task before, weighs on both alike.
 */
export const startsInPool = async (
  platform: RunningPlatform,
  count: number,
): Promise<{ readonly warm: Latency; readonly cold: Latency }> => {
  const client = new LoadClient(platform, 1);
  const [warm, cold]: readonly [number[], number[]] = [[], []];
  try {
    const poolUuid = await newPool(client, 'warm', 1);
    await allReady(client, poolUuid, 20);
    for (let index = -FIRST; index < count; index += 1) {
      const inPool = async () => startOf(client, { ...noOp(`warm ${index}`, 1), profile: undefined, poolUuid });
      const outside = async () => startOf(client, noOp(`cold ${index}`, 1));
      const isWarmFirst = index % 2 === 0;
      const [first, second] = isWarmFirst ? [inPool, outside] : [outside, inPool];
      const took = [await first(), await second()] as const;
      // The first ones warm the path.
      if (index < 0) continue;
      warm.push(took[isWarmFirst ? 0 : 1]);
      cold.push(took[isWarmFirst ? 1 : 0]);
    }
    await client.call('DELETE', `/pools/${poolUuid}`);
  } finally {
    client.close();
  }
  return { warm: latencyOf(warm), cold: latencyOf(cold) };
};

/** Slots of one new pool that become ready in a second, from its creation to the last of them. */
export const slotsOpened = async (platform: RunningPlatform, slots: number): Promise<number> => {
  const client = new LoadClient(platform, 1);
  try {
    const started = performance.now();
    const pool = await newPool(client, 'opened', slots);
    await allReady(client, pool, 20);
    const seconds = (performance.now() - started) / 1_000;
    await client.call('DELETE', `/pools/${pool}`);
    return slots / seconds;
  } finally {
    client.close();
  }
};
