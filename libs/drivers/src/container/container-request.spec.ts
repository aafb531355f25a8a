import { describe, expect, it } from '@jest/globals';

import { containerRequest, deviceProblem, gpusOf, type WantedContainer } from './container-request.js';

const wanted: WantedContainer = {
  engine: { name: 'docker', mapsUsers: false, limits: ['memory', 'cpu', 'pids'] },
  image: { id: 'sha256:aa', config: {}, volumes: ['/data', '/tmp'], sizeBytes: 1 },
  labels: { 'org.fornax.task': 't' },
  folder: '/node/one',
  secrets: '/dev/shm/one',
  init: '/init',
  user: '200000:200000',
  cores: 0.5,
  memoryMB: 100,
  ramfsBytes: 5,
  maxProcesses: 7,
  network: 'none',
  expose: ['/srv'],
  devices: [],
  directory: '/--privileged /etc:/etc',
  hostname: 'node-1',
  seenAs: undefined,
};

describe('the container that an engine is asked for', () => {
  it('has its own folders, bounds and user, and nothing of the machine’s', () => {
    const { HostConfig: host, ...rest } = containerRequest(wanted);
    expect(rest).toMatchObject({
      Image: 'sha256:aa',
      User: '200000:200000',
      WorkingDir: '/',
      Tty: false,
      Hostname: 'node-1',
    });
    expect(containerRequest({ ...wanted, network: 'host' })).not.toHaveProperty('Hostname');
    expect(host).toMatchObject({
      ReadonlyRootfs: true,
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      NanoCpus: 500_000_000,
      Memory: 104_857_600,
      MemorySwap: 104_857_600,
      PidsLimit: 7,
      NetworkMode: 'none',
      LogConfig: { Type: 'none' },
    });
    expect(Object.keys(host ?? {})).not.toEqual(
      expect.arrayContaining(['CapAdd', 'Devices', 'DeviceRequests', 'Binds']),
    );
    expect(host?.Mounts?.map(({ Type, Source, Target, ReadOnly }) => [Type, Source, Target, ReadOnly])).toEqual([
      ['bind', '/node/one/job', '/job', false],
      ['bind', '/node/one/tmp', '/tmp', false],
      ['bind', '/node/one/pipes', '/.fornax', true],
      ['bind', '/init', '/.fornax-init', true],
      ['bind', '/dev/shm/one', '/run/secrets', true],
      ['bind', '/srv', '/srv', true],
      ['volume', '', '/data', true],
    ]);
  });

  it('takes what a task says of its folder for one argument', () => {
    expect(containerRequest(wanted).Entrypoint).toEqual([
      ...['/.fornax-init', '--pipes', '/.fornax', '--directory', '/--privileged /etc:/etc', '--aim', 'all'],
    ]);
  });

  it('shows its command another user by its own first process alone: the engine hears of none', () => {
    const seen = containerRequest({ ...wanted, directory: '/job', seenAs: { uid: 0, gid: 7 } });
    expect(seen.Entrypoint).toEqual([
      '/.fornax-init',
      '--pipes',
      '/.fornax',
      '--directory',
      '/job',
      '--aim',
      'all',
      '--seen-as',
      '0',
      '7',
    ]);
    expect(seen.User).toBe('200000:200000');
  });

  it('names devices as each engine takes them', () => {
    const devices = ['all', 'nvidia.com/gpu=0'];
    expect(containerRequest({ ...wanted, devices }).HostConfig).toMatchObject({
      DeviceRequests: [
        { Count: -1, Capabilities: [['gpu']] },
        { Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=0'] },
      ],
    });
    const podman = { ...wanted.engine, name: 'podman' as const };
    expect(containerRequest({ ...wanted, engine: podman, devices: ['nvidia.com/gpu=0'] }).HostConfig).toMatchObject({
      Devices: [{ PathOnHost: 'nvidia.com/gpu=0', PathInContainer: '', CgroupPermissions: '' }],
    });
    expect(deviceProblem(devices, 'podman')).toContain('FORNAX_NODE_ENGINE_DEVICES');
    expect([deviceProblem(devices, 'docker'), deviceProblem(['nvidia.com/gpu=0'], 'podman')]).toEqual([
      undefined,
      undefined,
    ]);
    expect(gpusOf(['2', 'nvidia.com/gpu=0', 'vendor.com/net=1'])).toBe(3);
    expect([gpusOf(['all']), gpusOf([])]).toEqual([1, 0]);
  });

  it('leaves out limits that the engine does not have', () => {
    const { HostConfig: host } = containerRequest({ ...wanted, engine: { ...wanted.engine, limits: [] } });
    expect(host).not.toHaveProperty('Memory');
    expect(host).not.toHaveProperty('NanoCpus');
    expect(host).not.toHaveProperty('PidsLimit');
  });
});
