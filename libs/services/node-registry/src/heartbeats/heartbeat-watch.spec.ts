import { describe, expect, it } from '@jest/globals';
import type { Heartbeat } from '@fornax/contracts';
import { nodeDecider, type NodeState, type NodeStatus } from '@fornax/domain';
import { HeartbeatWatch, heartbeatInterval } from './heartbeat-watch.js';

const GRACE = 10_000;
const TIME_OF_DAY = 1_800_000_000_000;
const node = (nodeId: string, epoch = 1, status: NodeStatus = 'online'): NodeState => ({
  ...nodeDecider.initial,
  nodeId,
  epoch,
  status,
});
const beat = (nodeId: string, nodeEpoch = 1): Heartbeat => ({ nodeId, nodeEpoch, bootId: 'boot', leases: 0, at: 0 });
const names = (watch: HeartbeatWatch, nodes: readonly NodeState[], now: number): readonly string[] =>
  watch.silent(nodes, now).map(({ nodeId }) => nodeId);

describe('the heartbeat watch', () => {
  it('calls a node silent once its last beat is older than the grace period', () => {
    const watch = new HeartbeatWatch(GRACE, 0);
    watch.hear(beat('a'), 5_000, TIME_OF_DAY);
    expect(names(watch, [node('a')], 15_000)).toEqual([]);
    expect(watch.silent([node('a'), node('b')], 15_001)).toEqual([
      { nodeId: 'a', epoch: 1, silentMs: 10_001 },
      { nodeId: 'b', epoch: 1 },
    ]);
  });

  it('forgives silence for a whole grace period from when it began to listen', () => {
    const watch = new HeartbeatWatch(GRACE, 0);
    watch.hear(beat('a'), 0, TIME_OF_DAY);
    watch.restart(50_000);
    expect(names(watch, [node('a'), node('never-heard')], 60_000)).toEqual([]);
    expect(names(watch, [node('a'), node('never-heard')], 60_001)).toEqual(['a', 'never-heard']);
  });

  it('does not take a beat of an earlier session for a sign of life', () => {
    const watch = new HeartbeatWatch(GRACE, 0);
    watch.hear(beat('a', 2), 5_000, TIME_OF_DAY);
    watch.hear(beat('a', 1), 14_000, TIME_OF_DAY);
    expect(names(watch, [node('a', 2)], 16_000)).toEqual(['a']);
  });

  it('watches draining nodes, and neither lost nor retired ones', () => {
    const watch = new HeartbeatWatch(GRACE, 0);
    const nodes = [node('drains', 1, 'draining'), node('lost', 1, 'lost'), node('retired', 1, 'retired')];
    expect(names(watch, nodes, 20_000)).toEqual(['drains']);
  });

  it('is not moved by a step of the time of day, which it only keeps for people', () => {
    const watch = new HeartbeatWatch(GRACE, 0);
    watch.hear(beat('a'), 5_000, TIME_OF_DAY);
    watch.hear(beat('a'), 6_000, TIME_OF_DAY - 3_600_000);
    expect(names(watch, [node('a')], 16_000)).toEqual([]);
    expect(watch.lastBeat('a')?.at).toBe(TIME_OF_DAY - 3_600_000);
    watch.hear(beat('a'), 7_000, TIME_OF_DAY + 3_600_000);
    expect(names(watch, [node('a')], 17_001)).toEqual(['a']);
  });

  it('keeps what a node said that it holds when the node asks for its epoch again', () => {
    const watch = new HeartbeatWatch(GRACE, 0);
    watch.hear({ ...beat('a', 2), leases: 3 }, 5_000, TIME_OF_DAY);
    watch.welcome('a', 2, 6_000, TIME_OF_DAY);
    expect(watch.lastBeat('a')?.leases).toBe(3);
    watch.welcome('a', 3, 7_000, TIME_OF_DAY);
    expect(watch.lastBeat('a')?.leases).toBe(0);
  });

  describe('what the beats say of disks', () => {
    const says = (isDiskFull?: boolean, nodeEpoch = 1): Heartbeat => ({
      ...beat('a', nodeEpoch),
      ...(isDiskFull === undefined ? {} : { isDiskFull }),
    });
    const full = { ...node('a'), diskFullSince: 1 };

    it('is news at once when one is full, and when there is room once that has lasted', () => {
      const watch = new HeartbeatWatch(GRACE, 0);
      watch.hear(says(true), 1_000, TIME_OF_DAY);
      expect(watch.disks([node('a')], 1_000)).toEqual([{ nodeId: 'a', epoch: 1, isFull: true }]);
      expect(watch.disks([full], 1_000)).toEqual([]);
      watch.hear(says(false), 2_000, TIME_OF_DAY);
      watch.hear(says(true), 3_000, TIME_OF_DAY);
      watch.hear(says(false), 4_000, TIME_OF_DAY);
      watch.hear(says(false), 6_000, TIME_OF_DAY);
      expect(watch.disks([full], 6_499)).toEqual([]);
      expect(watch.disks([full], 6_500)).toEqual([{ nodeId: 'a', epoch: 1, isFull: false }]);
      expect(watch.disks([node('a')], 9_000)).toEqual([]);
    });

    it('is told a few times of a disk that hovers at its mark, and as ever once it has calmed down', () => {
      const watch = new HeartbeatWatch(GRACE, 0);
      let state = node('a');
      let told = 0;
      const hear = (isFull: boolean, now: number): void => {
        watch.hear(says(isFull), now, TIME_OF_DAY);
        for (const { isFull: isNowFull } of watch.disks([state], now)) {
          told += 1;
          state = isNowFull ? full : node('a');
        }
      };
      const HOUR = 3_600_000;
      // Full for a second, room for five seconds, for an hour.
      for (let now = 0; now < HOUR; now += 1_000) hear((now / 1_000) % 6 === 0, now);
      expect(told).toBeLessThan(8);
      expect(state).toEqual(full);
      told = 0;
      for (let now = HOUR; now < 2 * HOUR; now += 1_000) hear(false, now);
      hear(true, 2 * HOUR);
      hear(false, 2 * HOUR + 1_000);
      hear(false, 2 * HOUR + 1_000 + GRACE / 4);
      expect([told, state]).toEqual([3, node('a')]);
    });

    it('is told within a minute of room that lasts, however often the disk was filled before', () => {
      const watch = new HeartbeatWatch(GRACE, 0);
      let now = 0;
      // Each time, room lasts just until it is believed.
      for (const lastsMs of Array.from({ length: 12 }, (_, at) => GRACE * 2 ** at)) {
        watch.hear(says(true), now, TIME_OF_DAY);
        watch.hear(says(false), now + 1_000, TIME_OF_DAY);
        now += 1_000 + Math.min(lastsMs, 59_000);
      }
      watch.hear(says(true), now, TIME_OF_DAY);
      watch.hear(says(false), now + 1_000, TIME_OF_DAY);
      expect(watch.disks([full], now + 30_000)).toEqual([]);
      expect(watch.disks([full], now + 61_000)).toEqual([{ nodeId: 'a', epoch: 1, isFull: false }]);
    });

    it('is nothing for an agent that does not say, a session that is over, and a node that is lost', () => {
      const watch = new HeartbeatWatch(GRACE, 0);
      watch.hear(says(), 1_000, TIME_OF_DAY);
      expect(watch.disks([node('a'), full], 9_000)).toEqual([]);
      watch.hear(says(true), 2_000, TIME_OF_DAY);
      expect(watch.disks([node('a', 2), node('a', 1, 'lost')], 9_000)).toEqual([]);
      // An agent of an earlier version in the place of one that said so.
      watch.hear(says(undefined, 2), 3_000, TIME_OF_DAY);
      expect(watch.disks([node('a', 2)], 9_000)).toEqual([]);
    });
  });

  it('counts a join as a sign of life', () => {
    const watch = new HeartbeatWatch(GRACE, 0);
    watch.welcome('a', 3, 12_000, TIME_OF_DAY);
    expect(names(watch, [node('a', 3)], 20_000)).toEqual([]);
  });
});

describe('the heartbeat interval', () => {
  it('stretches with the fleet and never beyond a quarter of the grace period', () => {
    expect(heartbeatInterval(1_000, GRACE, 10)).toBe(1_000);
    expect(heartbeatInterval(1_000, GRACE, 4_000)).toBe(2_000);
    expect(heartbeatInterval(1_000, GRACE, 100_000)).toBe(2_500);
  });
});
