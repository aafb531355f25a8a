import { diskConstant, resourcesConstant, wallLimitConstant } from './docker.profiles.js';
import { consistencyConstants } from './consistency.js';
import type { Profile } from './profile.js';

/** Ours: a script in the sandbox of a node, without an image. */
export const shellProfile: Profile = {
  name: 'shell',
  version: 1,
  description: 'A script for /bin/sh on the file system of the node, once for each instance',
  needs: [],
  network: 'none',
  run: {
    constant: 'SHELL_SCRIPT',
    how: 'script',
    stopOnError: 'SHELL_STOP_ON_ERROR',
    wallLimit: wallLimitConstant.name,
    progress: ['SHELL_PROGRESS'],
  },
  constants: [
    {
      name: 'SHELL_SCRIPT',
      type: 'string',
      description: 'The script; every constant is a variable of its environment',
    },
    { name: 'SHELL', type: 'string', value: '/bin/sh', isReadOnly: true, description: 'What runs the script' },
    {
      name: 'SHELL_STOP_ON_ERROR',
      type: 'boolean',
      value: 'false',
      description: 'End the script at its first command that fails',
    },
    {
      name: 'SHELL_PROGRESS',
      type: 'pattern',
      description:
        'Regular expression that reads the progress out of standard output: a percentage, or "done" and "of" in two groups',
    },
    resourcesConstant,
    wallLimitConstant,
    diskConstant,
    ...consistencyConstants,
  ],
};
