import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type RunningPlatform, workspaceRoot } from '@fornax/testing/platform';
import { LoadClient, noOp, success } from './api.js';
import { FLEET_USER } from '@fornax/embedded';
import { type CpuByKind, cpuOfDescendants, type Kind, KINDS } from './cpu.js';
import { natsCredentials } from './credentials.js';
import { latencyMs, nowMs, percentile, timed } from './statistics.js';

interface Created {
  readonly uuid: string;
}

/** Simulated nodes, all in one process: they take leases and report at once, without starting anything. */
export const withSimulatedNodes = async <T>(platform: RunningPlatform, work: () => Promise<T>): Promise<T> => {
  const { url, user, password } = await natsCredentials(platform, FLEET_USER);
  const child = spawn(
    join(workspaceRoot, 'node_modules/node/bin/node'),
    [join(workspaceRoot, 'apps/node-agent/dist/simulated-main.js')],
    {
      env: {
        ...process.env,
        FORNAX_NATS_URL: url,
        FORNAX_NATS_USER: user,
        FORNAX_NATS_PASSWORD: password,
        FORNAX_NATS_INBOX_PREFIX: '_INBOX_fleet',
        FORNAX_SIMULATED_NODES: '4',
        FORNAX_SIMULATED_CORES: '256',
        FORNAX_LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  try {
    return await work();
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
};

interface Page {
  readonly total: number;
}

/** How many tasks of the account are in a state. */
export const countInState = async (client: LoadClient, state: string): Promise<number> => {
  const filter = { operator: 'Equal', field: 'State', value: state };
  return (await client.call<Page>('POST', '/tasks/summaries/paginate', { filter, maximumResults: 1 })).total;
};

/**
 * What the control plane alone does: the tasks that `submissions` left waiting (and more, up to `waitingTasks`) are run by simulated nodes,
 * then one task of `instances` instances.
 */
export const controlPlane = async (
  platform: RunningPlatform,
  load: { readonly waitingTasks: number; readonly instances: number },
): Promise<{ readonly tasksPerSecond: number; readonly instancesPerSecond: number }> => {
  const client = new LoadClient(platform, 32);
  try {
    const waiting = await countInState(client, 'Submitted');
    const missing = Math.max(0, load.waitingTasks - waiting);
    await timed(missing, 32, (index) => client.call('POST', '/tasks', noOp(`queued ${index}`, 1)));
    const total = waiting + missing;
    return await withSimulatedNodes(platform, async () => {
      while ((await countInState(client, 'Success')) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const started = performance.now();
      const before = await countInState(client, 'Success');
      let done = before;
      while (done < total) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        done = await countInState(client, 'Success');
      }
      const tasksPerSecond = (total - before) / ((performance.now() - started) / 1000);
      const wide = performance.now();
      const { uuid } = await client.call<Created>('POST', '/tasks', noOp('wide', load.instances));
      await success(client, uuid, 100);
      return { tasksPerSecond, instancesPerSecond: load.instances / ((performance.now() - wide) / 1000) };
    });
  } finally {
    client.close();
  }
};

interface Lines {
  readonly lines: readonly { readonly startedAt: string }[];
}

/** Milliseconds from the submit call to the start of the command, one task at a time on an idle platform. */
export const idleLatency = async (
  platform: RunningPlatform,
  count: number,
): Promise<{ readonly p50: number; readonly p95: number; readonly p99: number }> => {
  const client = new LoadClient(platform, 1);
  const samples: number[] = [];
  try {
    for (let index = 0; index < count + 5; index += 1) {
      const submittedAt = nowMs();
      const { uuid } = await client.call<Created>('POST', '/tasks', noOp(`latency ${index}`, 1));
      await success(client, uuid);
      const { lines } = await client.call<Lines>('GET', `/fornax/v1/billing/tasks/${uuid}/lines`);
      const [line] = lines;
      if (!line) throw new Error(`task ${uuid} has no ledger line`);
      // The first ones warm the path.
      if (index >= 5) samples.push(latencyMs(submittedAt, line.startedAt));
    }
  } finally {
    client.close();
  }
  return { p50: percentile(samples, 0.5), p95: percentile(samples, 0.95), p99: percentile(samples, 0.99) };
};

/** No-op instances with the real agent: one task of many instances of /bin/true, from submit to Success; and what one costs the machine. */
export const endToEnd = async (
  platform: RunningPlatform,
  instances: number,
): Promise<{ readonly perSecond: number; readonly cpuMs: CpuByKind }> => {
  const client = new LoadClient(platform, 1);
  try {
    const before = await cpuOfDescendants();
    const started = performance.now();
    const { uuid } = await client.call<Created>('POST', '/tasks', noOp('no-ops', instances));
    await success(client, uuid, 100);
    const perSecond = instances / ((performance.now() - started) / 1000);
    const after = await cpuOfDescendants();
    const each = KINDS.map((kind) => [kind, (after[kind] - before[kind]) / instances] as const);
    return { perSecond, cpuMs: Object.fromEntries(each) as Record<Kind, number> };
  } finally {
    client.close();
  }
};

interface Rebuilt {
  readonly events: number;
  readonly seconds: number;
  readonly differences: readonly { readonly onlyLive: number; readonly onlyRebuilt: number }[];
}

/** Events/s of a rebuild beside the live projection. @throws Error when the two differ */
export const rebuild = async (platform: RunningPlatform, name: string): Promise<number> => {
  const client = new LoadClient(platform, 1);
  try {
    const { events, seconds, differences } = await client.call<Rebuilt>(
      'POST',
      `/fornax/v1/projections/${name}/rebuild?verify=true`,
    );
    if (differences.some(({ onlyLive, onlyRebuilt }) => onlyLive + onlyRebuilt > 0)) {
      throw new Error(`the rebuilt ${name} projection differs: ${JSON.stringify(differences)}`);
    }
    return events / seconds;
  } finally {
    client.close();
  }
};
