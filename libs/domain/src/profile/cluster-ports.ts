import type { ProfileConstant } from './profile.js';

/** Where instances of a task with a cluster profile listen for each other. */
export const clusterPortsConstant: ProfileConstant = {
  name: 'CLUSTER_PORTS',
  type: 'string',
  value: '7000',
  description: 'TCP ports on which each instance listens for the others, separated by commas, four at most',
  form: { pattern: '^\\d{1,5}(,\\d{1,5}){0,3}$', says: 'must be one to four ports, as in 7000,7001' },
  takesNoReference: true,
};
