import type { LeaseOrder } from '@fornax/contracts';
import type { PreparedInstance } from '@fornax/drivers';

import type { ImageStore, UsedImage } from '../images/image-store.js';
import type { Waiter } from '../images/shared-work.js';
import { folderIn } from '../images/tree-path.js';
import { imageOf } from '../profile/image-of.js';
import { UserError } from '../failure/user-error.js';

/** The images that tasks name, from registries that the operator allows. */
export class TaskImages {
  constructor(
    private readonly store: Pick<ImageStore, 'use'>,
    private readonly registries: readonly string[],
  ) {}

  /** @returns undefined: the task's profile has none @throws UserError, RegistryAway, what the disk says, the signal's reason */
  async of(
    order: Pick<LeaseOrder, 'constants'>,
    secrets: Readonly<Record<string, string>>,
    waiter: Waiter,
  ): Promise<UsedImage | undefined> {
    const wanted = imageOf(order.constants, secrets, this.registries);
    return wanted && this.store.use(wanted, waiter);
  }
}

/** @throws UserError a command cannot start there */
export const assertFolderIn = async (
  { tree, words }: Pick<UsedImage, 'tree' | 'words'>,
  { jobDir, paths }: Pick<PreparedInstance, 'jobDir' | 'paths'>,
  directory: string,
): Promise<void> => {
  if (directory === paths.job || directory === paths.tmp || directory === '/') return;
  const isInJob = directory.startsWith(`${paths.job}/`);
  const [root, path] = isInJob ? [jobDir, directory.slice(paths.job.length)] : [tree, directory];
  if ((await folderIn(root, path)) !== undefined) return;
  throw new UserError(
    'FX-CONSTANT',
    `The command cannot start in ${directory}: there is no such folder ${isInJob ? 'among its inputs' : `in the image ${words}`}`,
  );
};

/** What its owner should know of the image that an instance ran in. */
export const notesOfImage = (
  image: UsedImage | undefined,
  { constants }: Pick<LeaseOrder, 'constants'>,
): readonly string[] => {
  if (!image) return [];
  const asked = constants.find(({ key, value }) => key === 'DOCKER_USER' && value !== '');
  return [
    `It ran in the image ${image.words}, ${image.digest}`,
    ...(asked
      ? ['DOCKER_USER has no effect here: each instance runs as a user of its own, who may read all of the image']
      : []),
  ];
};
