import type { ImageSettings } from '../images/image-manifest.js';
import { UserError } from '../failure/user-error.js';

/** Who may have an image is nothing that a command in it needs: this constant is no variable of any. */
export const PASSWORD = 'DOCKER_REGISTRY_PASSWORD';

/** What the words of a task mean in an image: its entrypoint with them, or with its own. @throws UserError neither says what to run */
export const wordsIn = (
  { entrypoint, command }: Pick<ImageSettings, 'entrypoint' | 'command'>,
  words: readonly string[],
): readonly [string, ...string[]] => {
  const [program, ...rest] = [...entrypoint, ...(words.length > 0 ? words : command)];
  if (program === undefined || program === '')
    throw new UserError('FX-NO-COMMAND', 'Neither DOCKER_CMD nor the image brings a command');
  return [program, ...rest];
};

/** Where a command starts: where the task says, else where the image does; an image that says nothing, or the root, leaves it in /job. */
export const directoryIn = ({ directory }: Pick<ImageSettings, 'directory'>, asked = ''): string => {
  const isOfImage = asked.includes('${') || asked.trim() === '';
  const wanted = isOfImage ? directory : asked.trim();
  if (wanted === '' || wanted === '/') return asked.trim() === '/' ? '/' : '/job';
  if (wanted.startsWith('/') && !wanted.includes('\0')) return wanted;
  if (isOfImage) throw new UserError('FX-IMAGE', 'The WORKDIR of the image is no absolute path: set DOCKER_WORKDIR');
  throw new UserError('FX-CONSTANT', 'DOCKER_WORKDIR must be an absolute path');
};
