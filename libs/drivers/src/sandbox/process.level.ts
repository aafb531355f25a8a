import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { findProgram } from './host-view.js';
import { dropEverything, isRoot, type Level, UNPRIVILEGED } from './level.js';

/** No isolation: a process group of its own. For machines that permit nothing better; says so. */
export const processLevel = async (workDir: string, instancesDir: string): Promise<Level> => {
  const setpriv = await findProgram('setpriv');
  const dropsRoot = isRoot() && setpriv !== undefined;
  const warnings = [
    'instances run as plain processes: no namespaces could be made, so they see the host and each other',
  ];
  if (isRoot() && !dropsRoot) warnings.push('instances run as root: setpriv of util-linux was not found');
  const ownUser = setpriv === undefined ? [] : [setpriv, '--no-new-privs', '--'];
  return {
    name: 'process',
    aim: 'group',
    // Nobody cannot walk into a data folder that is root's alone.
    instancesDir: dropsRoot
      ? join('/var/tmp', `fornax-${createHash('sha256').update(workDir).digest('hex').slice(0, 12)}`)
      : instancesDir,
    warnings,
    owner: dropsRoot ? UNPRIVILEGED : undefined,
    paths: (folder) => ({ job: join(folder, 'job'), tmp: join(folder, 'tmp'), ramfs: join(folder, 'tmp') }),
    enter: () => [],
    fstab: undefined,
    drop: dropsRoot ? dropEverything(setpriv) : ownUser,
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
};
