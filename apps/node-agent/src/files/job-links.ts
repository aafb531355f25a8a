import { lstat, readlink } from 'node:fs/promises';

import { joined, namesOf } from './file-names.js';
import { below, codeOf, openBelow } from './job-files.js';

const SLASH = 0x2f;
/** As Linux has it for one path (path_resolution(7)). */
const MOST_LINKS = 40;

export type LinkTarget =
  | { readonly kind: 'file' | 'folder'; readonly names: readonly Buffer[] }
  | { readonly kind: 'nothing'; readonly why: string };

const nothing = (why: string): LinkTarget => ({ kind: 'nothing', why });
const isDots = (name: Buffer): boolean => name.length === 2 && name[0] === 0x2e && name[1] === 0x2e;
const startsWith = (path: Buffer, prefix: Buffer): boolean => path.subarray(0, prefix.length).equals(prefix);

/** Where a link's text leads: names to walk from the root of the job or from the link's folder; undefined outside of the job. */
const stepsOf = (
  target: Buffer,
  seenAs: string,
): { readonly fromRoot: boolean; readonly names: readonly Buffer[] } | undefined => {
  if (target[0] !== SLASH) return { fromRoot: false, names: namesOf(target) };
  const job = joined([Buffer.from(seenAs)]);
  const isInside = target.equals(job) || startsWith(target, Buffer.concat([job, Buffer.from('/')]));
  return isInside ? { fromRoot: true, names: namesOf(target.subarray(job.length)) } : undefined;
};

/**
 * Follows a link of an instance by reading it, never by letting the kernel do so: the agent stands in another root than the instance did.
 * @param folder names of the folder that holds the link
 * @param seenAs the job's folder as the instance sees it
 */
export const followLink = async (
  root: string,
  folder: readonly Buffer[],
  link: Buffer,
  seenAs: string,
): Promise<LinkTarget> => {
  let reached = [...folder];
  let steps: Buffer[] = [link];
  let links = 0;
  for (let name = steps.shift(); name; name = steps.shift()) {
    if (isDots(name)) {
      if (reached.length === 0) return nothing('links that lead out of the job');
      reached.pop();
      continue;
    }
    const parent = await openBelow(root, reached);
    if (!parent) return nothing('links that lead nowhere');
    const at = below(parent, name);
    try {
      const stat = await lstat(at);
      if (!stat.isSymbolicLink()) {
        reached = [...reached, name];
        if (steps.length === 0 && stat.isFile()) return { kind: 'file', names: reached };
        continue;
      }
      links += 1;
      if (links > MOST_LINKS) return nothing('links that lead in a circle');
      const found = stepsOf(await readlink(at, { encoding: 'buffer' }), seenAs);
      if (!found) return nothing('links that lead out of the job');
      if (found.fromRoot) reached = [];
      steps = [...found.names, ...steps];
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return nothing('links that lead nowhere');
      throw error;
    } finally {
      await parent.close();
    }
  }
  const end = await openBelow(root, reached);
  if (!end) return nothing('links to what is no file');
  await end.close();
  return { kind: 'folder', names: reached };
};
