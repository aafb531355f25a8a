import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** A program of the system, wherever this distribution puts it: PATH of a service often lacks the sbin folders. */
export const findProgram = async (name: string): Promise<string | undefined> => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin'];
  for (const folder of folders.filter(isAbsolute)) {
    try {
      await access(join(folder, name), 1);
      return join(folder, name);
    } catch {
      // next
    }
  }
  return undefined;
};
