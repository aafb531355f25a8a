import { createContext, useContext } from 'react';
import { readAs } from '../api/read-as.ts';
import type { Me } from '../api/wire.ts';

/** Whose view the page is: who is signed in, or who is read as. */
export const MeContext = createContext<Me | undefined>(undefined);

/** The account as it is. */
export const useAccount = (): Me => {
  const me = useContext(MeContext);
  if (me === undefined) throw new Error('nobody is signed in');
  return me;
};

/** The account, with the role that it has on this page: what another account sees is only read, as by an auditor. */
export const useMe = (): Me => {
  const me = useAccount();
  return readAs === undefined ? me : { ...me, role: 'auditor' };
};

/** Whether the account may change something: an auditor only reads, and so does who reads as somebody else. */
export const useMayWrite = (): boolean => useMe().role !== 'auditor';
