import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FLEET_USER, OPERATOR_USER } from '@fornax/embedded';
import type { RunningPlatform } from '@fornax/testing/platform';

/** A user of the platform's NATS server: the benchmark measures the floor on the same server as the operator, and plays nodes as the fleet. */
export const natsCredentials = async (
  platform: RunningPlatform,
  user: typeof OPERATOR_USER | typeof FLEET_USER,
): Promise<{ readonly url: string; readonly user: string; readonly password: string }> => {
  const runtime = JSON.parse(await readFile(join(platform.dataDir, 'runtime.json'), 'utf8')) as {
    readonly nats: { readonly url: string };
  };
  return { url: runtime.nats.url, ...(await passwordOf(platform, user)) };
};

const passwordOf = async (
  platform: RunningPlatform,
  user: string,
): Promise<{ readonly user: string; readonly password: string }> => {
  const passwords = JSON.parse(await readFile(join(platform.dataDir, 'secrets', 'nats.json'), 'utf8')) as Readonly<
    Record<string, string>
  >;
  const password = passwords[user];
  if (password === undefined) throw new Error(`secrets/nats.json has no password for ${user}`);
  return { user, password };
};
