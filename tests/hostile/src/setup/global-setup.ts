import { startPlatform } from '@fornax/testing/platform';

const VARIABLE = 'FORNAX_HOSTILE_PLATFORM';

/**
 * Jest's `globalSetup`: one platform with two nodes for the whole run. FORNAX_SERVICES=1 gives a process for each service. A spec that
 * breaks the platform on purpose, or needs other settings, starts one of its own with `startPlatform`.
 */
const setUp = async (): Promise<void> => {
  const { apiUrl, storageUrl, token, clientEnv, dataDir, stop } = await startPlatform({
    env: {
      FORNAX_LOG_LEVEL: 'warn',
      FORNAX_NODES: '2',
      FORNAX_NODE_CORES: '2',
      // Half of the usual times or less: specs wait until each of them is over.
      FORNAX_HTTP_REQUEST_TIMEOUT_MS: '15000',
      FORNAX_HTTP_KEEP_ALIVE_TIMEOUT_MS: '10000',
      FORNAX_HTTP_STALL_TIMEOUT_MS: '12000',
    },
  });
  const mode = process.env['FORNAX_SERVICES'] === '1' ? 'services' : 'platform';
  process.env[VARIABLE] = JSON.stringify({ apiUrl, storageUrl, token, clientEnv, dataDir, mode });
  Reflect.set(globalThis, 'fornaxStopHostilePlatform', stop);
};

export { setUp as default };
