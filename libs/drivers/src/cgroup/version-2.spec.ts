import { describe, expect, it } from '@jest/globals';

import { candidatesV2, locateV2, outsideLeaf } from './version-2.js';

const MOUNT = '29 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';

describe('finding control groups of version 2', () => {
  it('joins mount point and own path', () => {
    expect(locateV2('0::/user.slice/session', MOUNT)).toEqual({
      top: '/sys/fs/cgroup',
      own: '/sys/fs/cgroup/user.slice/session',
    });
    const hybrid = '30 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';
    expect(locateV2('1:name=systemd:/x\n0::/', hybrid)?.own).toBe('/sys/fs/cgroup/unified');
  });

  it('stays in what a container sees', () => {
    const inside = '29 24 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw';
    expect(locateV2('0::/docker/abc/leaf', inside)?.own).toBe('/sys/fs/cgroup/leaf');
    expect(locateV2('0::/docker/abcd', inside)?.own).toBe('/sys/fs/cgroup');
    expect(locateV2('0::/../other', MOUNT)?.own).toBe('/sys/fs/cgroup');
  });

  it('finds none where none is mounted', () => {
    expect(locateV2('4:memory:/x', MOUNT)).toBeUndefined();
    expect(locateV2('0::/', '30 24 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw')).toBeUndefined();
  });

  it('takes the leaf that an agent made for itself for the group around it, and no other', () => {
    const inLeaf = { top: '/sys/fs/cgroup', own: '/sys/fs/cgroup/user/fornax-1-agent' };
    expect(outsideLeaf(inLeaf, 'fornax-1').own).toBe('/sys/fs/cgroup/user');
    expect(outsideLeaf(inLeaf, 'fornax-2')).toEqual(inLeaf);
  });

  it('has root begin at the top, and others with what may be theirs', () => {
    const place = { top: '/sys/fs/cgroup', own: '/sys/fs/cgroup/user/app/scope' };
    expect(candidatesV2(place, true)).toEqual(['/sys/fs/cgroup', '/sys/fs/cgroup/user/app/scope']);
    expect(candidatesV2(place, false)).toEqual([
      '/sys/fs/cgroup/user/app/scope',
      '/sys/fs/cgroup/user/app',
      '/sys/fs/cgroup/user',
      '/sys/fs/cgroup',
    ]);
  });
});
