import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { givenSettings } from '@fornax/contracts';
import {
  type Backends,
  agentEnvironment,
  externalNats,
  natsVariables,
  overridden,
  serviceEnvironment,
  without,
} from './environment.js';
import { loadSettings, settingsSchema } from './settings.js';

const VALUES: Readonly<Record<string, string>> = {
  FORNAX_NATS_URL: 'nats://nats.example:4222',
  FORNAX_NATS_USER: 'of-services',
  FORNAX_NATS_PASSWORD: 'hush',
  FORNAX_NODE_NATS_USER: 'of-{node}',
  FORNAX_NODE_NATS_PASSWORD: 'quiet',
  FORNAX_DATABASE_URL: 'postgres://fornax@db.example/fornax',
  FORNAX_S3_ENDPOINT: 'http://127.0.0.1:7070',
  FORNAX_S3_REGION: 'eu-west-1',
  FORNAX_S3_BUCKET: 'bucket',
  FORNAX_OBJECTS: 's3',
  FORNAX_OBJECTS_DIR: '/objects',
  FORNAX_BOOTSTRAP_EMAIL: 'first@example.org',
  FORNAX_PUBLIC_API_URL: 'http://api.example',
  FORNAX_PUBLIC_STORAGE_URL: 'http://storage.example',
  FORNAX_NODE_GRACE_MS: '7000',
  FORNAX_HEARTBEAT_MS: '700',
  FORNAX_LOG_LEVEL: 'warn',
  FORNAX_OTLP_ENDPOINT: 'http://collector.example:4318',
  FORNAX_READ_YOUR_WRITES_TIMEOUT_MS: '1234',
  FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '192.0.2.1',
};

const folder = mkdtempSync(join(tmpdir(), 'fornax-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every setting in a file of its own. */
const inFiles = Object.fromEntries(
  Object.entries(VALUES).map(([name, value]) => {
    writeFileSync(join(folder, name), `${value}\n`);
    return [`${name}_FILE`, join(folder, name)];
  }),
);
const settings = loadSettings(inFiles);
const backends: Backends = { ...externalNats(settings), databaseUrl: settings.FORNAX_DATABASE_URL ?? '' };
const addresses = {
  apiPort: 1,
  storagePort: 2,
  apiUrl: VALUES['FORNAX_PUBLIC_API_URL'] ?? '',
  storageUrl: VALUES['FORNAX_PUBLIC_STORAGE_URL'] ?? '',
};
const places = {
  data: '/data',
  masterKeyFile: '/k',
  tokenFile: '/t',
  metricsTokenFile: '/m',
  objects: '/objects',
  watched: [],
};

/** What a child reads of its environment. */
const readBack = (env: Readonly<Record<string, string>>) =>
  givenSettings(
    Object.keys(settingsSchema.shape).filter((name) => !name.endsWith('_FILE')),
    env,
    (path) => (path.startsWith(folder) ? (VALUES[path.slice(folder.length + 1)] ?? '') : 'of the data folder'),
  );

describe('settings that came in files', () => {
  it('reach a service once each, as what they are', () => {
    const common = serviceEnvironment(inFiles, settings, backends, addresses, places);
    const { values, problems } = readBack(overridden(common, natsVariables(backends, 'platform')));
    expect(problems).toEqual([]);
    const { FORNAX_NODE_NATS_USER: _, FORNAX_NODE_NATS_PASSWORD: __, ...ofServices } = VALUES;
    expect(values).toMatchObject(ofServices);
  });

  it('reach an agent once each, and no secret of the platform does', () => {
    const node = { id: 'node-1', folder: '/node' };
    const given = agentEnvironment(inFiles, settings, backends, addresses, node, '/data');
    const { values, problems } = readBack(given);
    expect(problems).toEqual([]);
    expect(values).toMatchObject({ FORNAX_NATS_USER: 'of-node-1', FORNAX_HEARTBEAT_MS: '700' });
    for (const secret of ['FORNAX_DATABASE_URL', 'FORNAX_S3_ENDPOINT', 'FORNAX_MASTER_KEY'])
      expect(Object.keys(given).filter((name) => name.startsWith(secret))).toEqual([]);
  });

  it('say what a node offers where somebody says so, and else its share of the machine', () => {
    const node = { id: 'node-1', folder: '/node', share: { cores: 3, memoryMB: 500, diskMB: 70 } };
    const offered = (env: Readonly<Record<string, string>>) => {
      const given = agentEnvironment(env, settings, backends, addresses, node, '/data');
      return ['CORES', 'MEMORY_MB', 'DISK_MB'].map((what) => given[`FORNAX_NODE_${what}`]);
    };
    expect(offered(inFiles)).toEqual(['3', '500', '70']);
    expect(offered({ ...inFiles, FORNAX_NODE_CORES: '8' })).toEqual(['8', '500', '70']);
  });

  it('are left out with their file', () => {
    expect(without({ FORNAX_PORT_FILE: '/x', FORNAX_PORT: '1', OTHER: 'o' }, ['FORNAX_PORT'])).toEqual({ OTHER: 'o' });
    expect(overridden({ A: '1', B_FILE: '/b' }, { A_FILE: '/a', B: '2' })).toEqual({ A_FILE: '/a', B: '2' });
  });
});
