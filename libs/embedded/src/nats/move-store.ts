import { access, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupError } from '../process/setup-error.js';
import { LOG_ACCOUNT } from './nats-accounts.js';

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Streams used to belong to the server's global account; the server finds them by a folder that bears the account's name. Gives them
 * to the account that owns the log, while no server runs on the folder. Safe to repeat.
 * @throws SetupError both accounts have streams: one of them must be chosen by hand
 */
export const moveStore = async (storeDir: string): Promise<void> => {
  const from = join(storeDir, 'jetstream', '$G');
  const to = join(storeDir, 'jetstream', LOG_ACCOUNT);
  if (!(await exists(join(from, 'streams')))) return;
  if (await exists(join(to, 'streams')))
    throw new SetupError(
      `Both ${from} and ${to} hold streams.`,
      `Keep the one with your data as ${to} and move the other one out of the folder.`,
    );
  await mkdir(join(storeDir, 'jetstream'), { recursive: true, mode: 0o700 });
  await rename(from, to);
};
