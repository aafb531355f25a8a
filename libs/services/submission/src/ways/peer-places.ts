import { readFileSync } from 'node:fs';

/** Files of everything else in the process: requests, connections that have not said what they are for, databases and the message log. */
const OTHER_FILES = 2_048;
/** Each connection that is carried has two. */
const FILES_OF_ONE = 2;
/** However few there are, peers have so many of all. */
const LEAST_SHARE = 1 / 4;

/**
 * Says how many connections between instances fit into the process' limit of open files, beside those into instances and everything else: without a file for the next connection, the API
 * would answer nobody.
 */
export const peersWithin = (
  { mostPeers, mostConnections }: { readonly mostPeers: number; readonly mostConnections: number },
  openFiles: number,
): number => {
  const left = openFiles - OTHER_FILES - mostConnections * FILES_OF_ONE;
  return Math.min(mostPeers, Math.floor(Math.max(left, openFiles * LEAST_SHARE) / FILES_OF_ONE));
};

/** Reads the soft limit out of what `/proc/<pid>/limits` says. @returns Infinity: there is none */
export const openFilesOf = (limits: string): number => {
  const soft = /^Max open files\s+(\d+)\s/m.exec(limits)?.[1];
  return soft === undefined ? Infinity : Number(soft);
};

/** Says how many files this process may have open; Infinity where its system does not tell. */
export const mostOpenFiles = (): number => {
  try {
    return openFilesOf(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return Infinity;
  }
};
