import { describe, expect, it } from '@jest/globals';
import { poolDecider, type PoolEvent } from '@fornax/domain';
import { InMemoryLog, type LogHead } from '@fornax/event-store';
import type { Account } from '@fornax/identity';
import { HealthRegistry } from '@fornax/service-kit';
import { aCommit, eventually } from '@fornax/testing';
import { applyPoolCommit, isPoolCommit, type PoolStatus } from '../model/pool-status.js';
import { KnownPools } from './known-pools.js';

/** A log that cannot be asked where it ends at first, as one whose server is being started. */
class LateLog extends InMemoryLog {
  isThere = false;

  override head(): Promise<LogHead> {
    return this.isThere ? super.head() : Promise.reject(new Error('no server'));
  }
}

const ada: Account = {
  id: 'ada',
  email: 'ada@example.org',
  role: 'user',
  quotas: { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 },
  isDisabled: false,
  organisationId: null,
  createdAt: 0,
  tokenId: '',
};
const created: PoolEvent = { type: 'PoolCreated', poolId: 'p', owner: 'ada', spec: poolDecider.initial.spec, at: 1 };

describe('pools that tasks run in', () => {
  it('are kept in memory once the log can be followed, though it could not be when the process began', async () => {
    const log = new LateLog();
    await log.append('pool', 'p', aCommit('c-1', [created]), 0);
    let asked = 0;
    /** As the rows show it: every commit that the log has by now. */
    const own = async (): Promise<PoolStatus | undefined> => {
      asked += 1;
      let status: PoolStatus | null = null;
      for (const commit of await log.readAggregate('pool', 'p'))
        if (isPoolCommit(commit)) status = applyPoolCommit(status ?? undefined, commit);
      return status ?? undefined;
    };
    const health = new HealthRegistry();
    const yes = (): Promise<boolean> => Promise.resolve(true);
    const pools = new KnownPools({ own }, { passed: yes, caughtUp: yes }, log, health);
    pools.onApplicationBootstrap();
    await eventually(async () => (await health.check()).degraded.length === 1);
    expect(await health.check()).toMatchObject({
      ready: true,
      degraded: [{ reason: expect.stringContaining('no server') }],
    });
    expect([(await pools.find(ada, 'p'))?.isOpen, (await pools.find(ada, 'p'))?.isOpen, asked]).toEqual([
      true,
      true,
      2,
    ]);

    log.isThere = true;
    await eventually(async () => {
      const before = asked;
      await pools.find(ada, 'p');
      return asked === before;
    });
    expect((await health.check()).degraded).toEqual([]);
    await log.append('pool', 'p', aCommit('c-2', [{ type: 'PoolCloseRequested', at: 2 }]), 1);
    await eventually(async () => (await pools.find(ada, 'p'))?.isOpen === false);
    await pools.beforeApplicationShutdown();
  });
});
