import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { entering, isRoot, type Level, running } from './level.js';

/** No isolation: a process group of its own. For machines that permit nothing better; says so. */
export const processLevel = (init: string, workDir: string, instancesDir: string): Level => {
  const dropsRoot = isRoot();
  const warnings = [
    'instances run as plain processes, without isolation: they see the files, processes and network of the host',
  ];
  if (!isRoot())
    warnings.push('instances run as the user of this agent: they can read its credentials and each other’s files');
  return {
    name: 'process',
    aim: 'group',
    // Another user cannot walk into a data folder that is root's alone.
    instancesDir: dropsRoot
      ? join('/var/tmp', `fornax-${createHash('sha256').update(workDir).digest('hex').slice(0, 12)}`)
      : instancesDir,
    warnings,
    hasOwnUsers: dropsRoot,
    usersOfNetworks: () => undefined,
    paths: (folder, secrets = join(folder, 'tmp')) => ({
      job: join(folder, 'job'),
      tmp: join(folder, 'tmp'),
      ramfs: join(folder, 'tmp'),
      secrets,
    }),
    argv: (place) => [init, ...entering(place), ...running(join(place.folder, 'job'), 'group', place)],
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
};
