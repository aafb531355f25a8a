import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The one platform of the run, with two nodes, which every worker finds in its environment (see setup/global-setup.ts). */
export interface HostilePlatform {
  readonly apiUrl: string;
  readonly storageUrl: string;
  /** Of the first user, who is an operator. */
  readonly token: string;
  readonly clientEnv: Readonly<Record<string, string>>;
  /** What an operator of this machine can read, and an attacker who got hold of one node's files in part. */
  readonly dataDir: string;
  readonly mode: 'platform' | 'services';
}

const PLATFORM_VARIABLE = 'FORNAX_HOSTILE_PLATFORM';

const stored = process.env[PLATFORM_VARIABLE];
if (stored === undefined) throw new Error('no platform: run the suite with npm test -- hostile');
export const platform = JSON.parse(stored) as HostilePlatform;

/** What `runtime.json` says of the run: addresses and process ids by part. */
export interface Runtime {
  readonly run: string;
  readonly nats: { readonly url: string };
  readonly pids: Readonly<Record<string, number>>;
  readonly logs: Readonly<Record<string, string>>;
}

export const readRuntime = async ({ dataDir }: Pick<HostilePlatform, 'dataDir'> = platform): Promise<Runtime> =>
  JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')) as Runtime;
