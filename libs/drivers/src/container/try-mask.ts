import type { Driver } from '../driver/driver.js';
import type { Engine } from './engine.js';

const DEADLINE_MS = 20_000;
/** The end of an archive that holds nothing: what a container has without an image is made by its engine. */
const NOTHING = Buffer.alloc(1_024);

/**
 * Whether a command in a container may be seen as another user: engines filter what that needs, or do not. It is tried, in a container of an image that is made for that and goes.
 * @param name of this agent among those that the engine has  @returns why not
 */
export const whyNoMask = async (
  driver: Pick<Driver, 'prepare'>,
  engine: Pick<Engine, 'importImage' | 'image' | 'removeImage'>,
  name: string,
): Promise<string | undefined> => {
  const made = `fornax-trial-${name}`;
  try {
    await engine.importImage(NOTHING, made);
    try {
      const image = (await engine.image(made))?.id;
      const prepared = await driver.prepare({ id: `mask-${name}`, cores: 0, memoryMB: 0, image });
      try {
        // A command that nobody can run says that one would begin as well as any.
        const running = await prepared.start({ argv: ['/'], env: {}, seenAs: { uid: 1, gid: 1 } });
        running.stdout.resume();
        running.stderr.resume();
        const deadline = setTimeout(running.kill, DEADLINE_MS);
        const { kind } = await running.exit;
        clearTimeout(deadline);
        return kind === 'exited' ? undefined : 'it did not begin in time';
      } finally {
        await prepared.dispose();
      }
    } finally {
      await engine.removeImage(made);
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
