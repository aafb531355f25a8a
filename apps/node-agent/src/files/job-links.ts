import { type FileHandle, lstat, readlink } from 'node:fs/promises';

import { joined, namesOf } from './file-names.js';
import { below, codeOf, MOST_DEPTH, openFolder } from './job-files.js';

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

/** The folders from the root of the job down to one: each is open, so that a step down is one of the kernel's, and a step up is none. */
class OpenWay {
  readonly names: Buffer[] = [];
  readonly #open: FileHandle[] = [];

  private constructor(root: FileHandle) {
    this.#open.push(root);
  }

  static async from(root: string): Promise<OpenWay | undefined> {
    const folder = await openFolder(root);
    return folder && new OpenWay(folder);
  }

  at(name: Buffer): Buffer {
    const folder = this.#open.at(-1);
    if (!folder) throw new Error('the way is closed');
    return below(folder, name);
  }

  /** @returns whether there is such a folder, and it is no link */
  async down(name: Buffer): Promise<boolean> {
    const folder = await openFolder(this.at(name));
    if (!folder) return false;
    this.#open.push(folder);
    this.names.push(name);
    return true;
  }

  /** @returns whether that is inside of the job */
  async up(): Promise<boolean> {
    if (this.names.pop() === undefined) return false;
    await this.#open.pop()?.close();
    return true;
  }

  async toRoot(): Promise<void> {
    this.names.length = 0;
    for (const folder of this.#open.splice(1)) await folder.close();
  }

  async close(): Promise<void> {
    for (const folder of this.#open.splice(0)) await folder.close();
  }
}

/**
 * Follows a link of an instance by reading it, never by letting the kernel do so: the agent stands in another root than the instance did.
 * @param where `seenAs`: the job's folder as the instance sees it
 * @param onStep called for each step, of which a link may have as many as its maker likes; may throw
 */
export const followLink = async (
  root: string,
  { folder, link, seenAs }: { readonly folder: readonly Buffer[]; readonly link: Buffer; readonly seenAs: string },
  onStep: () => void,
): Promise<LinkTarget> => {
  const way = await OpenWay.from(root);
  if (!way) return nothing('links that lead nowhere');
  try {
    return await walk(way, [...folder, link], seenAs, onStep);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return nothing('links that lead nowhere');
    // Between being looked at and being read.
    if (codeOf(error) === 'EINVAL') return nothing('links that became something else while they were read');
    throw error;
  } finally {
    await way.close();
  }
};

const walk = async (
  way: OpenWay,
  names: readonly Buffer[],
  seenAs: string,
  onStep: () => void,
): Promise<LinkTarget> => {
  // The next one last: taking it off is one step then, however many there are.
  const steps = names.toReversed();
  let links = 0;
  for (let name = steps.pop(); name; name = steps.pop()) {
    onStep();
    if (isDots(name)) {
      if (!(await way.up())) return nothing('links that lead out of the job');
      continue;
    }
    const stat = await lstat(way.at(name));
    if (stat.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) return nothing('links that lead in a circle');
      const found = stepsOf(await readlink(way.at(name), { encoding: 'buffer' }), seenAs);
      if (!found) return nothing('links that lead out of the job');
      if (found.fromRoot) await way.toRoot();
      steps.push(...found.names.toReversed());
    } else if (steps.length === 0 && stat.isFile()) return { kind: 'file', names: [...way.names, name] };
    else if (way.names.length >= MOST_DEPTH) return nothing(`links to folders deeper than ${MOST_DEPTH} levels`);
    else if (!(await way.down(name))) return nothing('links to what is no file');
  }
  return { kind: 'folder', names: way.names };
};
