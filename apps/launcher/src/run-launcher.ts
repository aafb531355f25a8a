import { Socket } from 'node:net';
import { keepMemoryOutOfCoreDumps } from '@fornax/base';
import { FornaxClient } from '@fornax/client';
import { SetupError } from '@fornax/embedded';
import { programsFolder } from './command-line.js';
import { LocalPlatform } from './local-platform.js';
import { type SampleOutcome, isSampleDone, runSample } from './sample/sample.js';
import { type Screen, openScreen } from './screen/screen.js';
import { type Env, type Settings, loadSettings } from './settings.js';

/** A person, or the system, asked for the end. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Exit code after Ctrl-C by convention: 128 + SIGINT. */
const INTERRUPTED_CODE = 130;

/** npm and the terminal may both pass on one Ctrl-C: signals this close together are one. */
const SAME_REQUEST_MS = 500;

interface Interruption {
  readonly signal: AbortSignal;
  /** Called on the second request: end at once. */
  onInsist: () => Promise<void>;
}

/** Turns SIGINT, SIGTERM and the death of the wrapper that started us into one AbortSignal. */
const listenForTheEnd = (env: Env, screen: Screen): Interruption => {
  const controller = new AbortController();
  const interruption: Interruption = { signal: controller.signal, onInsist: () => Promise.resolve() };
  let firstAt = 0;
  const request = () => {
    const now = performance.now();
    if (!controller.signal.aborted) {
      firstAt = now;
      screen.say('stopping (once more to stop at once)');
      controller.abort(new Interrupted('interrupted'));
    } else if (now - firstAt > SAME_REQUEST_MS) {
      void interruption.onInsist().finally(() => process.exit(INTERRUPTED_CODE));
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, request);
  const pipe = Number(env['FORNAX_PARENT_PIPE'] ?? '');
  if (Number.isInteger(pipe) && pipe > 2) {
    const parent = new Socket({ fd: pipe });
    parent.on('error', () => undefined);
    parent.once('close', () => {
      if (!controller.signal.aborted) request();
    });
    parent.resume();
    parent.unref();
  }
  return interruption;
};

/** The dashboard, by a link that signs the first user in once; without the code where none could be made. */
const dashboardLink = async (platform: LocalPlatform): Promise<string> => {
  const { apiUrl } = platform.addresses;
  try {
    const { people } = new FornaxClient({ url: apiUrl, token: await platform.token() });
    const { path } = await people.signInLink();
    return new URL(path, apiUrl).href;
  } catch {
    return `${apiUrl}/ui/`;
  }
};

const summary = (platform: LocalPlatform, dashboard: string): readonly string[] => {
  const { addresses, data } = platform;
  return [
    '',
    'Fornax is ready.',
    '',
    `  Dashboard  ${dashboard}`,
    '             signs you in once, within ten minutes; later: `fornax dashboard`',
    `  API        ${addresses.apiUrl}`,
    `  Docs       ${addresses.apiUrl}/docs`,
    `  Storage    ${addresses.storageUrl} (S3)`,
    `  User       ${platform.email}, token in ${platform.tokenFile}`,
    `  Commands   export PATH="${programsFolder(data)}:$PATH"   and fornax is there in every folder`,
    `  Clients    source ${data}/env   then fornax, the official clients, aws and the like simply work`,
    `  Results    ${data}/results`,
    `  Logs       ${data}/logs`,
    '  Stop       Ctrl-C',
    '',
  ];
};

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

const trySample = async (
  platform: LocalPlatform,
  { FORNAX_IMAGES: images }: Settings,
  screen: Screen,
  signal: AbortSignal,
): Promise<SampleOutcome> => {
  screen.say('running the sample task');
  return runSample({
    apiUrl: platform.addresses.apiUrl,
    storageUrl: platform.addresses.storageUrl,
    email: platform.email,
    token: await platform.token(),
    data: platform.data,
    runsImages: images === 'registry',
    screen,
    signal,
  });
};

const live = async (
  platform: LocalPlatform,
  settings: Settings,
  screen: Screen,
  signal: AbortSignal,
): Promise<number> => {
  if (settings.FORNAX_ONCE) {
    const outcome = await trySample(platform, settings, screen, signal);
    if (!outcome.isSuccess) screen.say(`the sample failed: ${outcome.reason}`);
    return outcome.isSuccess ? 0 : 1;
  }
  const isWanted = settings.FORNAX_SAMPLE === 'auto' && settings.FORNAX_NODES > 0;
  if (isWanted && !(await isSampleDone(platform.data))) {
    const outcome = await trySample(platform, settings, screen, signal);
    if (!outcome.isSuccess) screen.say(`the sample failed: ${outcome.reason}`);
  }
  for (const line of summary(platform, await dashboardLink(platform))) screen.write(`${line}\n`);
  await whenAborted(signal);
  return 0;
};

/**
 * Runs one platform on this machine until it is asked to stop, or, with FORNAX_ONCE, until the sample has run.
 * @returns the exit code
 */
export const runLauncher = async (env: Env, programOf: (app: string) => string): Promise<number> => {
  keepMemoryOutOfCoreDumps();
  const screen = openScreen();
  const interruption = listenForTheEnd(env, screen);
  const { signal } = interruption;
  let platform: LocalPlatform | undefined;
  let isOnce = false;
  try {
    const settings = loadSettings(env);
    isOnce = settings.FORNAX_ONCE;
    platform = await LocalPlatform.start({
      settings,
      env,
      programOf,
      screen,
      signal,
      onCreated: (created) => (interruption.onInsist = () => created.kill()),
    });
    const code = await live(platform, settings, screen, AbortSignal.any([signal, platform.failure]));
    if (!signal.aborted) platform.failure.throwIfAborted();
    return code;
  } catch (error) {
    if (signal.aborted) return isOnce ? INTERRUPTED_CODE : 0;
    if (!(error instanceof SetupError)) throw error;
    screen.say(`error: ${error.message}`);
    return 1;
  } finally {
    if (platform !== undefined) {
      await platform.stop();
      screen.say('everything is stopped');
    }
  }
};
