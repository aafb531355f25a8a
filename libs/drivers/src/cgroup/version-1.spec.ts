import { describe, expect, it } from '@jest/globals';

import { locateV1 } from './version-1.js';

describe('finding control groups of version 1', () => {
  const own = '4:memory:/docker/abc\n1:cpu,cpuacct:/\n0::/\n';
  it('joins mount point and own path', () => {
    const mounts =
      '30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n';
    expect(Object.fromEntries(locateV1(own, mounts))).toEqual({
      memory: '/sys/fs/cgroup/memory/docker/abc',
      cpu: '/sys/fs/cgroup/cpu',
      cpuacct: '/sys/fs/cgroup/cpu',
    });
  });
  it('leaves out what a container does not show', () => {
    const mounts = '30 25 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n';
    expect(Object.fromEntries(locateV1(own, mounts))).toEqual({ memory: '/sys/fs/cgroup/memory' });
  });
});
