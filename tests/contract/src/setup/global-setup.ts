import { startPlatform } from '@fornax/testing/platform';
import { type S3Service, provideVersitygw, startVersitygw } from '@fornax/testing/versitygw';

const VARIABLE = 'FORNAX_CONTRACT_PLATFORM';

/** FORNAX_CONTRACT_OBJECTS: `versitygw` puts the platform's objects on a server that is not ours; otherwise they are files. */
const startObjects = async (): Promise<S3Service | undefined> => {
  if (process.env['FORNAX_CONTRACT_OBJECTS'] !== 'versitygw') return undefined;
  const say = (text: string): void => console.error(text);
  const program = await provideVersitygw({ say }).catch((error: unknown) => {
    // tools/test.mjs looks for this line and says at the end what was not tried.
    console.error(`NOT-TRIED-ON-AN-S3-SERVICE: ${error instanceof Error ? error.message : String(error)}`);
  });
  return program === undefined ? undefined : startVersitygw(program);
};

const objectSettings = (service: S3Service | undefined): Readonly<Record<string, string>> =>
  service === undefined
    ? {}
    : {
        FORNAX_OBJECTS: 's3',
        FORNAX_S3_ENDPOINT: service.url,
        FORNAX_S3_ACCESS_KEY: service.keys.accessKey,
        FORNAX_S3_SECRET_KEY: service.keys.secretKey,
      };

/**
 * Jest's `globalSetup`: one platform for the whole run, because starting one takes longer than most tests. A platform that is named in
 * the environment already is used instead, and left alone.
 */
const setUp = async (): Promise<void> => {
  if (process.env[VARIABLE] !== undefined) return;
  const objects = await startObjects();
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
