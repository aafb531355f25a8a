import { SetupError, findFreePort, portState } from '@fornax/embedded';
import type { Addresses } from './environment.js';
import type { Settings } from './settings.js';

/** Where a service of this machine answers: an IP literal, because a name may resolve to another family first. */
export const urlOf = (port: number): string => `http://127.0.0.1:${port}`;

/** @throws SetupError the port cannot be used; the message names its setting */
export const choosePort = async (wanted: number, setting: string, use: string): Promise<number> => {
  if (wanted === 0) return findFreePort();
  const state = await portState(wanted);
  if (state === 'free') return wanted;
  const why = state === 'in-use' ? 'is in use' : 'may not be used by this user';
  throw new SetupError(
    `Port ${wanted} for ${use} ${why}.`,
    `Set ${setting} to another port, or to 0 for any free one.`,
  );
};

/**
 * The addresses of this start; port 0 becomes a free one.
 * @throws SetupError a port cannot be used; the message names its setting
 */
export const chooseAddresses = async (settings: Settings): Promise<Addresses> => {
  const apiPort = await choosePort(settings.FORNAX_PORT, 'FORNAX_PORT', 'the API');
  const storagePort = await choosePort(settings.FORNAX_STORAGE_PORT, 'FORNAX_STORAGE_PORT', 'the storage');
  return {
    apiPort,
    storagePort,
    apiUrl: settings.FORNAX_PUBLIC_API_URL ?? urlOf(apiPort),
    storageUrl: settings.FORNAX_PUBLIC_STORAGE_URL ?? urlOf(storagePort),
  };
};
