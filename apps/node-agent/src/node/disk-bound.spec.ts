import { describe, expect, it } from '@jest/globals';

import { boundOf, excessOf, type Use } from '../instance/disk-share.js';
import { DiskBound } from './disk-bound.js';

const none: Use = { bytes: 0, files: 0 };

describe('what an instance may have on the disk of its node', () => {
  it('is a number of bytes and one of files, each told with what there was', () => {
    const bound = { bytes: 20e6, files: 100 };
    expect(excessOf({ bytes: 20e6, files: 100 }, bound)).toBeUndefined();
    expect(excessOf({ bytes: 33e6, files: 1 }, bound)).toBe(
      'The instance was ended: its files took 33 MB, and it may have 20 MB',
    );
    expect(excessOf({ bytes: 1, files: 101 }, bound)).toBe(
      'The instance was ended: it had 101 files and folders, and may have 100',
    );
    expect(excessOf({ bytes: 1e15, files: 1e9 }, none)).toBeUndefined();
  });
});

describe('what an instance may have that was promised room', () => {
  const bound = { bytes: 1_000, files: 30 };
  it.each<[Use, number, Use]>([
    [bound, 0, bound],
    [bound, 1_000, bound],
    [bound, 1_001, { bytes: 1_001, files: 31 }],
    [bound, 5_000, { bytes: 5_000, files: 150 }],
    [{ bytes: 0, files: 30 }, 5_000, { bytes: 0, files: 30 }],
    [{ bytes: 1_000, files: 0 }, 5_000, { bytes: 5_000, files: 0 }],
  ])('of a bound of %j and %d bytes is %j', (of, promisedBytes, expected) =>
    expect(boundOf({ promisedBytes }, of)).toEqual(expected),
  );
});

describe('the bound of the disk', () => {
  const rig = (bound: Use, promisedBytes = 0) => {
    const state = { nowMs: 0, used: none, own: none, walks: 0, ended: [] as string[], walkMs: 0, isUnbounded: false };
    const user = {
      promisedBytes,
      get isUnbounded() {
        return state.isUnbounded;
      },
      diskBytes: () => {
        state.walks += 1;
        state.nowMs += state.walkMs;
        return Promise.resolve(state.own.bytes);
      },
      diskFiles: () => Promise.resolve(state.own.files),
      exceedDisk: (why: string) => Promise.resolve(void state.ended.push(why)),
    };
    const watch = new DiskBound({
      bound,
      users: () => [user],
      used: () => Promise.resolve(state.used),
      onEnd: () => undefined,
      onError: (error) => {
        throw error;
      },
      now: () => state.nowMs,
    });
    return { state, watch };
  };

  it('does not hold against a user what that is about to let go', async () => {
    const { state, watch } = rig({ bytes: 1_000, files: 0 });
    await watch.look();
    state.used = state.own = { bytes: 2_000, files: 5 };
    state.isUnbounded = true;
    await watch.look();
    expect(state.ended).toEqual([]);
    state.isUnbounded = false;
    await watch.look();
    expect(state.ended.length).toBe(1);
  });

  it('costs no walk while the disk has not grown by as much, and ends at once who has too much', async () => {
    const { state, watch } = rig({ bytes: 1_000, files: 0 });
    await watch.look();
    state.used = { bytes: 1_000, files: 5 };
    await watch.look();
    expect(state.walks).toBe(0);
    state.used = { bytes: 1_001, files: 5 };
    state.own = { bytes: 600, files: 5 };
    await watch.look();
    expect([state.walks, state.ended]).toEqual([1, []]);
    state.used = { bytes: 1_402, files: 5 };
    state.own = { bytes: 1_001, files: 5 };
    await watch.look();
    expect([state.walks, state.ended.length]).toEqual([2, 1]);
  });

  it('is as much higher for one that was promised more', async () => {
    const { state, watch } = rig({ bytes: 1_000, files: 0 }, 3_000);
    await watch.look();
    state.used = { bytes: 3_000, files: 5 };
    await watch.look();
    expect(state.walks).toBe(0);
    state.used = { bytes: 3_001, files: 5 };
    state.own = { bytes: 3_000, files: 5 };
    await watch.look();
    expect([state.walks, state.ended]).toEqual([1, []]);
    state.used = { bytes: 3_002, files: 5 };
    state.own = { bytes: 3_001, files: 5 };
    await watch.look();
    expect(state.ended).toHaveLength(1);
  });

  it('sees after a while also what grew while others deleted, and looks the less often the longer it takes', async () => {
    const { state, watch } = rig({ bytes: 0, files: 10 });
    await watch.look();
    state.own = { bytes: 0, files: 11 };
    state.nowMs = 1_999;
    await watch.look();
    expect(state.ended).toEqual([]);
    state.nowMs = 2_000;
    await watch.look();
    expect(state.ended.length).toBe(1);
    const slow = rig({ bytes: 1_000, files: 0 });
    slow.state.walkMs = 500;
    await slow.watch.look();
    slow.state.used = { bytes: 5_000, files: 0 };
    await slow.watch.look();
    slow.state.used = { bytes: 50_000, files: 0 };
    slow.state.nowMs = 5_499;
    await slow.watch.look();
    expect(slow.state.walks).toBe(1);
    slow.state.nowMs = 5_500;
    await slow.watch.look();
    expect(slow.state.walks).toBe(2);
  });
});
