import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { eventually } from '@fornax/testing';
import { isStopped, signal } from '../processes.js';

/** Functions by which any program, whatever it is written in, learns the time from Linux without a system call. */
const SYMBOLS = ['__vdso_clock_gettime', '__vdso_gettimeofday', '__vdso_time'] as const;
type Clock = (typeof SYMBOLS)[number];

/** Machine code of x86-64 that asks the kernel and adds so many seconds to the time of day; clocks that measure are passed on as they are. */
const CODE: Readonly<Record<Clock, (offset: string) => string>> = {
  // mov eax,228; syscall; test edi,edi (CLOCK_REALTIME); jne end; movabs rcx,offset; add [rsi],rcx; end: ret
  __vdso_clock_gettime: (offset) => `b8e4000000 0f05 85ff 750d 48b9${offset} 48010e c3`,
  // mov eax,96; syscall; test rdi,rdi; je end; movabs rcx,offset; add [rdi],rcx; end: ret
  __vdso_gettimeofday: (offset) => `b860000000 0f05 4885ff 740d 48b9${offset} 48010f c3`,
  // mov eax,201; syscall; movabs rcx,offset; add rax,rcx; test rdi,rdi; je end; mov [rdi],rax; end: ret
  __vdso_time: (offset) => `b8c9000000 0f05 48b9${offset} 4801c8 4885ff 7403 488907 c3`,
};

/** Whether clocks can be set here: the code above is for this kind of processor. */
export const canSetClocks = process.platform === 'linux' && process.arch === 'x64';

interface Vdso {
  readonly start: number;
  readonly end: number;
}

const vdsoOf = async (pid: number): Promise<Vdso> => {
  const [, start = '', end = ''] =
    /^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$/m.exec(await readFile(`/proc/${pid}/maps`, 'utf8')) ?? [];
  if (start === '') throw new Error(`process ${pid} has no vdso`);
  return { start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) };
};

interface Place {
  readonly at: number;
  readonly bytes: number;
}

/** Places of the functions in the image, by its table of dynamic symbols (ELF64, little-endian). */
const placesIn = (image: Buffer): ReadonlyMap<string, Place> => {
  const sections = Number(image.readBigUInt64LE(0x28));
  const headers = Array.from({ length: image.readUInt16LE(0x3c) }, (_, index) => {
    const at = sections + index * image.readUInt16LE(0x3a);
    const number = (offset: number): number => Number(image.readBigUInt64LE(at + offset));
    return {
      type: image.readUInt32LE(at + 4),
      from: number(0x18),
      bytes: number(0x20),
      link: image.readUInt32LE(at + 0x28),
    };
  });
  const symbols = headers.find(({ type }) => type === 11); // SHT_DYNSYM
  const names = headers[symbols?.link ?? -1];
  if (!symbols || !names) throw new Error('the vdso has no symbols');
  const places = new Map<string, Place>();
  for (let at = symbols.from; at < symbols.from + symbols.bytes; at += 24) {
    const name = image.toString(
      'latin1',
      names.from + image.readUInt32LE(at),
      image.indexOf(0, names.from + image.readUInt32LE(at)),
    );
    places.set(name, { at: Number(image.readBigUInt64LE(at + 8)), bytes: Number(image.readBigUInt64LE(at + 16)) });
  }
  return places;
};

const offsetOf = (seconds: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(seconds));
  return bytes.toString('hex');
};

/** What is to stand where in the image: all code in the room of the largest function, and a jump to it in the others. */
const patchOf = (image: Buffer, seconds: number): readonly { readonly at: number; readonly code: Buffer }[] => {
  const places = placesIn(image);
  const [room, ...others] = SYMBOLS.map((name) => ({ name, ...(places.get(name) ?? { at: 0, bytes: 0 }) }));
  if (!room || room.at === 0) throw new Error('the vdso tells no time');
  const body = (name: Clock): Buffer => Buffer.from(CODE[name](offsetOf(seconds)).replaceAll(' ', ''), 'hex');
  let used = body(room.name);
  const jumps: { at: number; code: Buffer }[] = [];
  for (const { name, at } of others) {
    if (at === 0) continue;
    const jump = Buffer.from('e900000000', 'hex');
    jump.writeInt32LE(room.at + used.length - (at + jump.length), 1);
    jumps.push({ at, code: jump });
    used = Buffer.concat([used, body(name)]);
  }
  if (used.length > room.bytes) throw new Error(`the vdso has ${room.bytes} bytes of room, not ${used.length}`);
  return [{ at: room.at, code: used }, ...jumps];
};

/** Whether a thread of a process that stands still is inside the code that is to be another one. */
const isInside = async (pid: number, { start, end }: Vdso): Promise<boolean> => {
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const said = await readFile(`/proc/${pid}/task/${thread}/syscall`, 'utf8');
    // A thread that waits in a system call tells its number and arguments, too; what it executes comes last.
    const at = Number(said.trim().split(' ').at(-1));
    if (!(at >= 0) || (at >= start && at < end)) return true;
  }
  return false;
};

/** @returns whether it could be done in this moment */
const tryToSet = async (pid: number, seconds: number): Promise<boolean> => {
  const vdso = await vdsoOf(pid);
  signal(pid, 'SIGSTOP');
  const memory = openSync(`/proc/${pid}/mem`, 'r+');
  try {
    await eventually(() => isStopped(pid), { timeoutMs: 5_000 });
    if (await isInside(pid, vdso)) return false;
    const image = Buffer.alloc(vdso.end - vdso.start);
    readSync(memory, image, 0, image.length, vdso.start);
    // The kernel makes a copy of the page for this process; what it starts later has the copy as well.
    for (const { at, code } of patchOf(image, seconds)) writeSync(memory, code, 0, code.length, vdso.start + at);
    return true;
  } finally {
    closeSync(memory);
    signal(pid, 'SIGCONT');
  }
};

/**
 * Sets the time of day of a running process, as somebody sets a machine's; processes that it forks later have it too. What measures (CLOCK_MONOTONIC,
 * timers) goes on as it was. The process stands still for a moment; it must be one that the caller started, directly or not.
 * @param aheadMs of the true time, rounded to seconds; negative for behind
 * @throws Error the processor, or the kernel's vdso, is of another kind
 */
export const setWallClock = async (pid: number, aheadMs: number): Promise<void> => {
  if (!canSetClocks) throw new Error('the clock of a process can be set on Linux on x64 only');
  await eventually(() => tryToSet(pid, Math.round(aheadMs / 1_000)), { timeoutMs: 20_000 });
};
