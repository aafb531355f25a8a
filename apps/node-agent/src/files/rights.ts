import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

const [READ, SEARCH] = [4, 1];

/** Whether the user of an instance may read what `stat` describes; a folder, also what is in it. */
export type MayRead = (facts: Pick<Stats, 'uid' | 'gid' | 'mode' | 'isDirectory'>) => boolean;

/**
 * Tells what the user that a job's folder belongs to may read. Undefined where opening a file is proof enough: the agent is no root, or the instance is, too.
 * Without this, an agent that is root would hand out what the instance could not read itself.
 */
export const rightsIn = async (root: string): Promise<MayRead | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = await stat(root);
  if (uid === 0) return undefined;
  return (facts) => {
    const wanted = facts.isDirectory() ? READ | SEARCH : READ;
    const shift = facts.uid === uid ? 6 : facts.gid === gid ? 3 : 0;
    return ((facts.mode >> shift) & wanted) === wanted;
  };
};
