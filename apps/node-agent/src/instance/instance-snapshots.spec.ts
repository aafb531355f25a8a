import { describe, expect, it } from '@jest/globals';

import { InstanceSnapshots } from './instance-snapshots.js';

describe('the snapshots of an instance', () => {
  it('are waited for until they end, however many others are triggered meanwhile', async () => {
    const snapshots = new InstanceSnapshots('task');
    snapshots.begins('saved');
    const taken = snapshots.taken('saved');
    for (let other = 0; other < 200; other += 1) {
      snapshots.begins(`other-${other}`);
      if (other % 2 === 0) snapshots.ends(`other-${other}`);
    }
    const gone = { text: 'the bucket is gone', isUsers: true };
    snapshots.ends('saved', gone);
    expect(await taken).toEqual(gone);
  });

  it('that ended are told to whoever asks right after', async () => {
    const snapshots = new InstanceSnapshots('task');
    snapshots.begins('quick');
    snapshots.ends('quick');
    expect(await snapshots.taken('quick')).toBeUndefined();
  });
});
