import type { Driver } from '../driver/driver.js';
import { SetUpRefused } from '../sandbox/first-process.js';
import type { Engine } from './engine.js';

const DEADLINE_MS = 20_000;
/** An engine with which nothing can be tried is not asked by every instance for good. */
const MOST_TRIALS = 5;
/** The end of an archive that holds nothing: what a container has without an image is made by its engine. */
const NOTHING = Buffer.alloc(1_024);

/** Whether a command in a container may be seen as another user; `not-known`: the trial has failed for a reason that says nothing of that. */
type Mask = { readonly kind: 'works' } | { readonly kind: 'refused' | 'not-known'; readonly why: string };

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Tries whether a command in a container may be seen as another user: engines filter what that needs, or do not. It is tried in a container of an image that is made
 * for that and goes. What the first process says is the answer; after anything else it is tried again when the next one asks, a few times.
 */
export class MaskTrials {
  #last: Mask | undefined;
  #under: Promise<Mask> | undefined;
  #trials = 0;

  /** @param name of this agent among those that the engine has */
  constructor(
    private readonly driver: Pick<Driver, 'prepare'>,
    private readonly engine: Pick<Engine, 'importImage' | 'image' | 'removeImage'>,
    private readonly name: string,
  ) {}

  async ask(): Promise<Mask> {
    if (this.#last && (this.#last.kind !== 'not-known' || this.#trials >= MOST_TRIALS)) return this.#last;
    this.#under ??= this.#try().finally(() => (this.#under = undefined));
    return this.#under;
  }

  async #try(): Promise<Mask> {
    this.#trials += 1;
    const made = `fornax-trial-${this.name}`;
    try {
      await this.engine.importImage(NOTHING, made);
      this.#last = await this.#inImage(made);
    } catch (error) {
      this.#last = { kind: 'not-known', why: wordsOf(error) };
    } finally {
      // One that stays has the name of the next trial, which removes it.
      await this.engine.removeImage(made).catch(() => false);
    }
    return this.#last;
  }

  async #inImage(made: string): Promise<Mask> {
    const image = (await this.engine.image(made))?.id;
    const prepared = await this.driver.prepare({ id: `mask-${this.name}`, cores: 0, memoryMB: 0, image });
    try {
      // A command that nobody can run says that one would begin as well as any.
      const running = await prepared.start({ argv: ['/'], env: {}, seenAs: { uid: 1, gid: 1 } });
      running.stdout.resume();
      running.stderr.resume();
      const deadline = setTimeout(running.kill, DEADLINE_MS);
      const { kind } = await running.exit.finally(() => clearTimeout(deadline));
      return kind === 'exited' ? { kind: 'works' } : { kind: 'not-known', why: 'its command did not end in time' };
    } catch (error) {
      if (!(error instanceof SetUpRefused)) throw error;
      return { kind: 'refused', why: error.message };
    } finally {
      await prepared.dispose().catch(() => undefined);
    }
  }
}
