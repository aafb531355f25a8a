import { startPlatform } from '@fornax/testing/platform';

const VARIABLE = 'FORNAX_CONTRACT_PLATFORM';

/**
 * Jest's `globalSetup`: one platform for the whole run, because starting one takes longer than most tests. A platform that is named in
 * the environment already is used instead, and left alone.
 */
const setUp = async (): Promise<void> => {
  if (process.env[VARIABLE] !== undefined) return;
  const { apiUrl, storageUrl, token, clientEnv, stop } = await startPlatform({ env: { FORNAX_LOG_LEVEL: 'warn' } });
  process.env[VARIABLE] = JSON.stringify({ apiUrl, storageUrl, token, clientEnv });
  Reflect.set(globalThis, 'fornaxStopContractPlatform', stop);
};

export { setUp as default };
