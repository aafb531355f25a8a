import type { ContainerCreateOptions } from 'dockerode';

import type { UserNumbers } from '../driver/driver.js';
import { ISOLATED_PATHS, running } from '../sandbox/level.js';
import type { EngineFacts, EngineImage } from './engine.js';

/** Where the first process' program and its pipes are inside. */
const INIT = '/.fornax-init';
const PIPES = '/.fornax';

/** A container that is to be made. All of it is the node's: nothing that a task says becomes an option of an engine. */
export interface WantedContainer {
  readonly engine: Pick<EngineFacts, 'name' | 'mapsUsers' | 'limits'>;
  readonly image: EngineImage;
  readonly labels: Readonly<Record<string, string>>;
  /** The instance's folder, and that of its secrets, on the machine. */
  readonly folder: string;
  readonly secrets: string | undefined;
  readonly init: string;
  readonly user: string;
  readonly cores: number;
  readonly memoryMB: number;
  readonly ramfsBytes: number;
  readonly maxProcesses: number;
  /** Of the engine: `none`, `host`, or what an operator calls it. */
  readonly network: string;
  /** Folders of the machine that it may read. */
  readonly expose: readonly string[];
  /** `all`, a number of GPUs, or names of the container device interface, as in `nvidia.com/gpu=0`. */
  readonly devices: readonly string[];
  readonly directory: string;
  /** Of the machine that it takes itself to be on. */
  readonly hostname: string;
  /** Whom its command takes itself for; undefined: who it is. */
  readonly seenAs: UserNumbers | undefined;
}

/** A number of graphics processors. */
const COUNTED = /^(all|\d+)$/;

/** What an engine would leave out without a word. @returns why nothing can run here with it */
export const deviceProblem = (names: readonly string[], engine: EngineFacts['name']): string | undefined =>
  engine === 'podman' && names.some((name) => COUNTED.test(name))
    ? 'Podman gives no graphics processors by their number through its API: FORNAX_NODE_ENGINE_DEVICES names them, as in nvidia.com/gpu=0'
    : undefined;

/** How many graphics processors each container has: of `all`, one at least. */
export const gpusOf = (names: readonly string[]): number =>
  names.reduce((sum, name) => sum + (/^\d+$/.test(name) ? Number(name) : /^all$|\/gpu=/.test(name) ? 1 : 0), 0);

interface Devices {
  readonly DeviceRequests?: object[];
  readonly Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[];
}

const devicesOf = (names: readonly string[], engine: EngineFacts['name']): Devices => {
  const gpus = names.filter((name) => COUNTED.test(name));
  const cdi = names.filter((name) => !gpus.includes(name));
  const requests = [
    ...gpus.map((name) => ({ Driver: '', Count: name === 'all' ? -1 : Number(name), Capabilities: [['gpu']] })),
    ...(cdi.length > 0 && engine === 'docker' ? [{ Driver: 'cdi', DeviceIDs: cdi }] : []),
  ];
  return {
    ...(requests.length > 0 ? { DeviceRequests: requests } : {}),
    // Podman takes names of the interface where paths of devices stand, alone: with a path inside or rights it looks for a file of that name.
    ...(cdi.length > 0 && engine === 'podman'
      ? { Devices: cdi.map((name) => ({ PathOnHost: name, PathInContainer: '', CgroupPermissions: '' })) }
      : {}),
  };
};

/** What an engine is asked to make: as little as a command may have, and nothing that it could leave behind. */
export const containerRequest = (wanted: WantedContainer): ContainerCreateOptions => {
  const { engine, image, folder, secrets, cores, memoryMB } = wanted;
  const bind = (Source: string, Target: string, ReadOnly: boolean) =>
    ({ Type: 'bind', Source, Target, ReadOnly }) as const;
  const isLimited = (limit: EngineFacts['limits'][number]): boolean => engine.limits.includes(limit);
  const memory = Math.round(memoryMB * 1_048_576);
  return {
    Image: image.id,
    // The engine has made it the user that it is on the machine: it has no right to become one.
    Entrypoint: [
      INIT,
      '--pipes',
      PIPES,
      ...running(wanted.directory, 'all', { owner: undefined, seenAs: wanted.seenAs }),
    ],
    Cmd: [],
    // As in a sandbox: the node's, which it says itself where that is shared.
    ...(wanted.network === 'host' ? {} : { Hostname: wanted.hostname }),
    User: wanted.user,
    WorkingDir: '/',
    Labels: { ...wanted.labels },
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    OpenStdin: false,
    Tty: false,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      Mounts: [
        bind(`${folder}/job`, ISOLATED_PATHS.job, false),
        bind(`${folder}/tmp`, ISOLATED_PATHS.tmp, false),
        bind(`${folder}/pipes`, PIPES, true),
        bind(wanted.init, INIT, true),
        ...(secrets === undefined ? [] : [bind(secrets, ISOLATED_PATHS.secrets, true)]),
        ...wanted.expose.map((path) => bind(path, path, true)),
        // What an image says is a volume would be writable, and nobody counts what is written there.
        ...image.volumes
          .filter((path) => !(Object.values(ISOLATED_PATHS) as string[]).includes(path))
          .map((Target) => ({ Type: 'volume', Source: '', Target, ReadOnly: true }) as const),
      ],
      ReadonlyRootfs: true,
      // Podman makes these where nothing else is said, writable.
      Tmpfs: { '/run': 'ro,mode=755,size=64k', '/var/tmp': 'ro,mode=755,size=4k' },
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ...(cores > 0 && isLimited('cpu') ? { NanoCpus: Math.round(cores * 1e9) } : {}),
      ...(memory > 0 && isLimited('memory') ? { Memory: memory, MemorySwap: memory } : {}),
      ...(isLimited('pids') ? { PidsLimit: wanted.maxProcesses } : {}),
      ShmSize: wanted.ramfsBytes,
      NetworkMode: wanted.network,
      IpcMode: 'private',
      ...(engine.mapsUsers ? { UsernsMode: 'host' } : {}),
      ...{ CgroupnsMode: 'private' },
      // What it prints comes by pipes, and is kept by nobody else.
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      ...devicesOf(wanted.devices, engine.name),
    },
  };
};
