import { closeSync, readdirSync, readFileSync } from 'node:fs';

const STANDARD = 2;
const O_CLOEXEC = 0o2000000;

const isInherited = (fd: number): boolean => {
  try {
    const [, flags = ''] = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    return flags !== '' && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false; // closed by now: the list was read through it
  }
};

/**
 * Closes what whoever started this process left open to it beside the standard ones: all that it starts would have that, too. Node.js marks what it
 * opens itself, and the first sixteen descriptors, as to be closed by the kernel; what is not marked was inherited. Call it before anything else.
 * @returns the descriptors that were closed
 */
export const closeInherited = (): readonly number[] => {
  const found = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > STANDARD && isInherited(fd));
  for (const fd of found) closeSync(fd);
  return found;
};
