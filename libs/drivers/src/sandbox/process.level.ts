import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { findProgram } from './host-view.js';
import { dropEverything, isRoot, type Level } from './level.js';

/** No isolation: a process group of its own. For machines that permit nothing better; says so. */
export const processLevel = async (workDir: string, instancesDir: string): Promise<Level> => {
  const setpriv = await findProgram('setpriv');
  const dropsRoot = isRoot() && setpriv !== undefined;
  const warnings = [
    'instances run as plain processes, without isolation: they see the files, processes and network of the host',
  ];
  if (isRoot() && !dropsRoot)
    warnings.push('instances run as root, and can read every secret: setpriv of util-linux was not found');
  if (!isRoot())
    warnings.push('instances run as the user of this agent: they can read its credentials and each other’s files');
  const ownUser = setpriv === undefined ? [] : [setpriv, '--no-new-privs', '--'];
  return {
    name: 'process',
    aim: 'group',
    // Another user cannot walk into a data folder that is root's alone.
    instancesDir: dropsRoot
      ? join('/var/tmp', `fornax-${createHash('sha256').update(workDir).digest('hex').slice(0, 12)}`)
      : instancesDir,
    warnings,
    hasOwnUsers: dropsRoot,
    paths: (folder) => ({ job: join(folder, 'job'), tmp: join(folder, 'tmp'), ramfs: join(folder, 'tmp') }),
    enter: () => [],
    fstab: undefined,
    drop: (owner) => (owner && setpriv !== undefined ? dropEverything(setpriv, owner) : ownUser),
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
};
