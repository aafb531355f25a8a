import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Driver, SandboxDriver, type SandboxOptions } from '@fornax/drivers';
import { eventually, startTestNats, type TestNats } from '@fornax/testing';

import { InputCache } from '../input-cache/input-cache.js';
import { ObjectServer, Platform } from './agent.fixture.js';
import type { TaskImages } from '../instance/task-images.js';
import { Agent } from './agent.js';

export const hardware = {
  specificationKey: '2c-4g-test',
  cpuModel: 'test',
  cores: 2,
  memoryMB: 4_096,
  ghz: 2,
  ssd: true,
  gpus: 0,
};
/** What isolates instances here: specs of what both levels owe to a user go through them. */
export const ISOLATED = ['bubblewrap', 'unshare'] as const;

/** Those of them that this machine permits, and says which ones it does not. */
export const levelsHere = async (): Promise<readonly (typeof ISOLATED)[number][]> => {
  const found: (typeof ISOLATED)[number][] = [];
  const folder = await mkdtemp(join(tmpdir(), 'fornax-levels-'));
  for (const level of ISOLATED) {
    const driver = new SandboxDriver({ workDir: join(folder, level), hide: [], level });
    const why = await driver.probe().then(
      () => undefined,
      (error: unknown) => String(error),
    );
    await driver.close();
    if (why === undefined) found.push(level);
    else process.stderr.write(`level ${level} is not tested here: ${why}\n`);
  }
  await rm(folder, { recursive: true, force: true });
  return found;
};

const silent = { info: () => undefined, warn: () => undefined };

/** Agents, one after the other, each with the other side of its protocol: one NATS server and one storage for all of them. */
export class AgentRig {
  platform!: Platform;
  agent!: Agent;
  workDir = '';
  /** What the disk of the node lacks. */
  shortage = (): Promise<number> => Promise.resolve(0);
  /** What it has room for. */
  offeredMB = 0;
  /** Agents that are started from now on do without it although this machine permits it. */
  mayLayOver = true;
  /** Of agents that are started from now on. */
  patienceMs: number | undefined;
  /** How instances of agents that are started from now on change their images. */
  changes: SandboxOptions['changes'];
  /** Makes the images of agents that are started from now on, in a folder of theirs; they have none without. */
  images: ((folder: string, driver: SandboxDriver) => Promise<TaskImages>) | undefined;
  /** Makes what runs instances of agents that are started from now on, in the place of a sandbox. */
  driver: ((workDir: string) => Driver) | undefined;
  #number = 0;

  private constructor(
    readonly folder: string,
    readonly nats: TestNats,
    readonly objects: ObjectServer,
    readonly level: SandboxOptions['level'],
  ) {}

  /** @param level undefined: the one that an agent here chooses */
  static async open(level?: SandboxOptions['level']): Promise<AgentRig> {
    const folder = await mkdtemp(join(tmpdir(), 'fornax-agent-'));
    const nats = await startTestNats({ nodes: Array.from({ length: 50 }, (_, at) => `node-${at + 1}`) });
    return new AgentRig(folder, nats, await ObjectServer.open(), level);
  }

  async close(): Promise<void> {
    await this.objects.close();
    await this.nats.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async startAgent(graceMs = 10_000, around: (driver: Driver) => Driver = (driver) => driver): Promise<void> {
    const nodeId = `node-${(this.#number += 1)}`;
    this.workDir = join(this.folder, nodeId);
    this.platform = await Platform.open(this.nats, nodeId, graceMs);
    const sandbox = new SandboxDriver({
      workDir: this.workDir,
      hide: [this.folder],
      ...(this.level === undefined ? {} : { level: this.level }),
      ...(this.changes === undefined ? {} : { changes: this.changes }),
    });
    const driver = this.driver?.(this.workDir) ?? sandbox;
    const facts = await driver.probe();
    const cache = await InputCache.open({
      folder: join(this.workDir, 'cache'),
      mostBytes: 200_000_000,
      onError: (error) => {
        throw error;
      },
    });
    const { user, password } = this.nats.nodes[nodeId] ?? { user: '', password: '' };
    this.agent = await Agent.start({
      nodeId,
      nats: { url: this.nats.url, user, password },
      storageUrl: this.objects.url,
      ...(this.patienceMs === undefined ? {} : { patienceMs: this.patienceMs }),
      driver: around(driver),
      facts: this.mayLayOver ? facts : { ...facts, laysOver: false },
      hardware,
      log: silent,
      cache,
      images: await this.images?.(join(this.workDir, 'images'), sandbox),
      diskBound: { folder: this.workDir, bound: { bytes: 400_000_000, files: 3_000 } },
      disk: {
        room: () => Promise.resolve(),
        isFull: async () => (await this.shortage()) > 0,
        shortage: () => this.shortage(),
        spare: () => Promise.resolve(undefined),
        offeredMB: () => Promise.resolve(this.offeredMB),
      },
    });
    await this.agent.membership.ready();
  }

  async closeAgent(): Promise<void> {
    await this.agent.close();
    await this.platform.close();
    this.objects.objects.clear();
    this.objects.modes.clear();
  }

  ended(leaseId: string, timeoutMs = 15_000): Promise<NonNullable<ReturnType<Platform['endOf']>>> {
    return eventually(() => this.platform.endOf(leaseId), { timeoutMs });
  }
}
