import { eventually, between } from '@fornax/testing';
import { insistOnCode, type WayOut } from './damage.js';
import { kill, type Fault, type Target, type Typed } from './fault.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** A command takes so long at least before it asks for anything: a program starts first. */
const FIRST_MS = 300;
const PATIENCE = { timeoutMs: 120_000 };

/**
 * Types a command, and kills a part of the platform while the command is under way, in a moment of the seed's choice. One that is over before is typed
 * again, and the kill comes earlier.
 * @returns what the command said in the end
 */
const typeThroughKill = async (target: Target, words: readonly string[], part: string): Promise<Typed> => {
  for (let mostMs = 2_000; mostMs > FIRST_MS; mostMs = Math.floor(mostMs * 0.7)) {
    let isOver = false;
    const typing = target.fornax(...words).finally(() => (isOver = true));
    await sleep(between(target.random, [FIRST_MS, mostMs]));
    if (!isOver) {
      await kill(part).inject(target);
      target.note(`  during fornax ${words.join(' ')}`);
      return typing;
    }
    const { code, output } = await typing;
    if (code !== 0)
      throw new Error(`fornax ${words.join(' ')} ended with ${code} before anything was killed:\n${output}`);
  }
  throw new Error(`fornax ${words.join(' ')} is over before anything can be killed`);
};

/** A command that an operator may type at any time is cut off by the death of what does it; typed again, it comes to its end. */
export const interrupted = (words: readonly string[], part: string): Fault => ({
  name: `kill ${part} during fornax ${words.join(' ')}`,
  inject: async (target) => {
    await typeThroughKill(target, words, part);
    await target.untilReady();
    insistOnCode(await target.fornax(...words), 0, words.join(' '));
    await target.untilReady();
  },
});

/** Says which log is refused; undefined when nothing is wrong with it. It waits until somebody answers. */
const refusedLog = async (target: Target): Promise<string | undefined> => {
  const { code, output } = await eventually(async () => {
    const typed = await target.fornax('log', 'status');
    return typed.code === 0 || /^log +\S+$/m.test(typed.output) ? typed : undefined;
  }, PATIENCE);
  return code === 0 ? undefined : /^log +(\S+)$/m.exec(output)?.[1];
};

/** `fornax log accept` is cut off, too: it came through, or it is typed again. */
export const acceptTheLogThoughKilled =
  (part: string): WayOut =>
  async (target) => {
    const log = await refusedLog(target);
    if (log === undefined) throw new Error('nothing is to be accepted');
    await typeThroughKill(target, ['log', 'accept', log, '--yes'], part);
    const again = await refusedLog(target);
    if (again === undefined) return;
    const { code, output } = await target.fornax('log', 'accept', again, '--yes');
    // It may have come through while it was asked.
    if (code !== 0 && (await refusedLog(target)) !== undefined)
      throw new Error(`log accept ended with ${code}:\n${output}`);
  };
