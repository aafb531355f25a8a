import { startPlatform } from '@fornax/testing/platform';
import { objectSettings, startVersitygwIfThere } from '@fornax/testing/versitygw';

const VARIABLE = 'FORNAX_CONTRACT_PLATFORM';

/**
 * Jest's `globalSetup`: one platform for the whole run, because starting one takes longer than most tests. A platform that is named in
 * the environment already is used instead, and left alone.
 */
const setUp = async (): Promise<void> => {
  if (process.env[VARIABLE] !== undefined) return;
  // `versitygw` puts the platform's objects on a server that is not ours; otherwise they are files.
  const objects = process.env['FORNAX_CONTRACT_OBJECTS'] === 'versitygw' ? await startVersitygwIfThere() : undefined;
  // Snapshots come soon, so that nobody waits for them.
  const env = { FORNAX_LOG_LEVEL: 'warn', FORNAX_SNAPSHOT_MIN_INTERVAL_S: '2', ...objectSettings(objects) };
  const { apiUrl, storageUrl, token, clientEnv, ...platform } = await startPlatform({ env });
  const stop = async (): Promise<void> => {
    await platform.stop();
    await objects?.stop();
  };
  process.env[VARIABLE] = JSON.stringify({ apiUrl, storageUrl, token, clientEnv });
  Reflect.set(globalThis, 'fornaxStopContractPlatform', stop);
};

export { setUp as default };
