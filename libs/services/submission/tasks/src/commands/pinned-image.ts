import type { TaskCreation } from '@fornax/contracts';
import { ValidationFailed } from '@fornax/base';
import type { TaskState } from '@fornax/domain';
import { creationOf } from './task-copy.js';

/** Constants that say together which image a task runs in. */
const OF_IMAGE = ['DOCKER_SRV', 'DOCKER_REPO', 'DOCKER_TAG'] as const;

const refuse = (text: string): ValidationFailed => new ValidationFailed({ 'fornax.pinned': [text] });

const namesIn = ({ constants = [] }: TaskCreation): string =>
  JSON.stringify(OF_IMAGE.map((name) => constants.find(({ key }) => key === name)?.value));

/**
 * Names the image of a copy by the digest of the one that its origin ran in, whatever the tag means by now.
 * @returns the creation as it is where the origin ran in none  @throws ValidationFailed it cannot be told which that is, or another one is named
 */
export const withImageOf = (origin: TaskState, creation: TaskCreation): TaskCreation => {
  const [image, ...others] = origin.images ?? [];
  if (image === undefined) return creation;
  if (namesIn(creation) !== namesIn(creationOf(origin)))
    throw refuse('A pinned copy runs in the image of its origin: name no other one with it.');
  const columns = [...(origin.spec.table?.columns ?? [])];
  if (others.length > 0 || OF_IMAGE.some((name) => columns.includes(name)))
    throw refuse(
      `Its instances ran in several images (${[image, ...others].join(', ')}), or the table names them: a copy can be pinned to one. DOCKER_TAG takes a digest.`,
    );
  const { constants = [] } = creation;
  return {
    ...creation,
    constants: [...constants.filter(({ key }) => key !== 'DOCKER_TAG'), { key: 'DOCKER_TAG', value: image }],
  };
};
