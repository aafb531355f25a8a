import { createContext, useContext } from 'react';
import type { Me } from '../api/wire.ts';

/** Who is signed in, for all that is shown to them. */
export const MeContext = createContext<Me | undefined>(undefined);

/** Who is signed in. */
export const useMe = (): Me => {
  const me = useContext(MeContext);
  if (me === undefined) throw new Error('nobody is signed in');
  return me;
};

/** Whether the account may change something: an auditor only reads. */
export const useMayWrite = (): boolean => useMe().role !== 'auditor';
