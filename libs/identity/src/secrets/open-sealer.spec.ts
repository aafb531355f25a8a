import { InMemoryLog, LogUnavailable } from '@fornax/event-store';
import { describe, expect, it } from '@jest/globals';
import { MASTER_KEY_RING, sealMasterKey } from './earlier-keys.js';
import { openSealer } from './open-sealer.js';
import { Sealer } from './sealer.js';

const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
const source = 'FORNAX_MASTER_KEY';

/** A log whose stream has no leader for its first reads, as it is while NATS elects one. */
class LeaderlessLog extends InMemoryLog {
  constructor(private refusals: number) {
    super();
  }

  override read(options: Parameters<InMemoryLog['read']>[0]): ReturnType<InMemoryLog['read']> {
    if (this.refusals > 0) {
      this.refusals -= 1;
      throw new LogUnavailable('no leader');
    }
    return super.read(options);
  }
}

const rotated = async (refusals: number): Promise<LeaderlessLog> => {
  const log = new LeaderlessLog(refusals);
  const events = [{ type: 'MasterKeySucceeded' as const, ...sealMasterKey(first, second), at: 1 }];
  const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'c' };
  await log.append('master-key', MASTER_KEY_RING, { id: 'c', events, meta, at: 1 }, 0);
  return log;
};
const open = async (refusals: number, patienceMs?: number) => {
  const told: string[] = [];
  const opened = await openSealer(await rotated(refusals), {
    masterKey: second,
    masterKeysRead: [],
    source,
    onUnreadable: (reason) => told.push(reason),
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  return { ...opened, told };
};

describe('the sealer of a process', () => {
  it('has the earlier keys of the log, also when that can only be read after a while', async () => {
    const { sealer, told } = await open(2);
    expect(told).toEqual(['no leader', 'no leader']);
    expect(sealer.opened(new Sealer(first).sealWithMaster('of before'))).toBe('of before');
  });

  it('is not made without them', () =>
    expect(open(Number.POSITIVE_INFINITY, 0)).rejects.toThrow(/event log cannot be read.*no leader/));
});
