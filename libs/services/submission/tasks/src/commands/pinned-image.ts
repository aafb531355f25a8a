import type { TaskCreation } from '@fornax/contracts';
import { ValidationFailed } from '@fornax/base';
import type { TaskState } from '@fornax/domain';
import { creationOf } from './task-copy.js';

/** Constants that say together which image a task runs in. */
const OF_IMAGE = ['DOCKER_SRV', 'DOCKER_REPO', 'DOCKER_TAG'] as const;

const refuse = (text: string): ValidationFailed => new ValidationFailed({ 'fornax.pinned': [text] });

const namesIn = ({ constants = [], forcedConstants = [] }: TaskCreation): string =>
  JSON.stringify(
    OF_IMAGE.map((name) => [
      constants.find(({ key }) => key === name)?.value,
      forcedConstants.find(({ constantName }) => constantName === name)?.forcedValue,
    ]),
  );

/**
 * Names the image that a copy is pinned to, by the digest of the one that its origin ran in, whatever the tag means by now. It stands beside the constants: a profile may
 * say the tag itself.
 * @returns undefined where the origin ran in none  @throws ValidationFailed it cannot be told which that is, or another one is named
 */
export const imageOfCopy = (origin: TaskState, creation: TaskCreation): string | undefined => {
  const [image, ...others] = origin.images ?? [];
  if (image === undefined) return undefined;
  if (namesIn(creation) !== namesIn(creationOf(origin)))
    throw refuse('A pinned copy runs in the image of its origin: name no other one with it.');
  const columns = [...(origin.spec.table?.columns ?? [])];
  if (others.length > 0 || OF_IMAGE.some((name) => columns.includes(name)))
    throw refuse(
      `Its instances ran in several images (${[image, ...others].join(', ')}), or the table names them: a copy can be pinned to one. DOCKER_TAG takes a digest.`,
    );
  return image;
};
