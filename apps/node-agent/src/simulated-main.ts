import { connectNats } from '@fornax/event-store';
import { z } from 'zod';

import { endWithParent, intSetting, loadConfig, onceStopped } from '@fornax/base';
import { startSimulatedFleet } from './simulated/simulated-fleet.js';

const config = loadConfig(
  z.object({
    FORNAX_NATS_URL: z.string().default('nats://127.0.0.1:4222'),
    FORNAX_NATS_USER: z.string().optional(),
    FORNAX_NATS_PASSWORD: z.string().optional(),
    FORNAX_NATS_INBOX_PREFIX: z.string().optional(),
    FORNAX_SIMULATED_NODES: intSetting({ min: 1, max: 10_000 }).default(4),
    FORNAX_SIMULATED_CORES: intSetting({ min: 1, max: 4_096 }).default(64),
    FORNAX_SIMULATED_MEMORY_MB: intSetting({ min: 1, max: 100_000_000 }).default(262_144),
    FORNAX_SIMULATED_PREFIX: z.string().default('simulated'),
    FORNAX_EXIT_WITH_PARENT: z.enum(['0', '1']).default('0'),
  }),
  process.env,
);
const stopped = onceStopped();
if (config.FORNAX_EXIT_WITH_PARENT === '1') endWithParent();
const { FORNAX_NATS_USER: user, FORNAX_NATS_PASSWORD: password, FORNAX_NATS_INBOX_PREFIX: inboxPrefix } = config;
const nc = await connectNats({
  url: config.FORNAX_NATS_URL,
  name: 'simulated fleet',
  ...(user === undefined ? {} : { user }),
  ...(password === undefined ? {} : { password }),
  ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
});
const fleet = await startSimulatedFleet({
  nc,
  nodes: config.FORNAX_SIMULATED_NODES,
  coresPerNode: config.FORNAX_SIMULATED_CORES,
  memoryMBPerNode: config.FORNAX_SIMULATED_MEMORY_MB,
  prefix: config.FORNAX_SIMULATED_PREFIX,
});
process.stdout.write('ready\n');
await stopped;
await fleet.close();
await nc.close();
process.exit(0);
