import { Invalid } from '@fornax/service-kit';

/** Part of the contract, but not of this version. A 400: clients try 5xx again and again (contract, 1.9). */
export const notBuilt = (what: string): Invalid =>
  new Invalid(`${what} is not available in this version of Fornax`, { code: 'not-built' });
