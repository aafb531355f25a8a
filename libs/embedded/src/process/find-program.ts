import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Finds a program of this machine. @returns undefined: there is none */
export const findOnPath = async (program: string, env: NodeJS.ProcessEnv): Promise<string | undefined> => {
  // Distributions put servers where an ordinary user's PATH does not look.
  const folders = [...(env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS].filter(Boolean);
  for (const folder of folders) {
    const candidate = join(folder, program);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
};
