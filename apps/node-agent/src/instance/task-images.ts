import { join } from 'node:path';

import { unlessAborted } from '@fornax/base';
import type { LeaseOrder } from '@fornax/contracts';
import type { PreparedInstance, UserNumbers } from '@fornax/drivers';

import type { ImageSource, UsedImage } from '../images/image-store.js';
import { filesOfTree, type ImageFiles, type ImageUser, userIn } from '../images/image-user.js';
import type { Waiter } from '../images/shared-work.js';
import { type Found, LayerRefused, lookAt, walkTo } from '../images/tree-path.js';
import { imageOf } from '../profile/image-of.js';
import { UserError } from '../failure/user-error.js';

/** An image that an instance has, and who its command is in there. */
export interface TaskImage extends UsedImage {
  /** Absent: whoever it is on this machine. */
  readonly user?: ImageUser;
}

/** Users of images that are known. */
const MOST_USERS = 1_000;

/** The images that tasks name, from registries that the operator allows. */
export class TaskImages {
  readonly #users = new Map<string, ImageUser>();

  constructor(
    private readonly store: ImageSource,
    private readonly registries: readonly string[],
    /** What runs for a profile that has no image. @throws UserError nothing does */
    private readonly otherwise: () => ReturnType<typeof imageOf> = () => undefined,
  ) {}

  /** Of images that no instance has. */
  get bytes(): number {
    return this.store.idleBytes;
  }

  /** Of all that is here. */
  get allBytes(): number {
    return this.store.bytes;
  }

  /** @param owed bytes of the disk that no image takes from now on */
  leaveRoom(owed: () => Promise<number>): void {
    this.store.leaveRoom(owed);
  }

  free(amount: number): Promise<void> {
    return this.store.free(amount);
  }

  /**
   * @param masksUsers asked where one is named: whether a command may take itself for the user that its task or its image names
   * @returns undefined: the task's profile has none  @throws UserError, RegistryAway, what the disk says, the signal's reason
   */
  async of(
    order: Pick<LeaseOrder, 'constants'>,
    secrets: Readonly<Record<string, string>>,
    masksUsers: () => Promise<boolean>,
    waiter: Waiter,
  ): Promise<TaskImage | undefined> {
    const wanted = imageOf(order.constants, secrets, this.registries) ?? this.otherwise();
    if (!wanted) return undefined;
    const image = await this.store.use(wanted, waiter);
    const { signal } = waiter;
    try {
      if ((wanted.runsAs.trim() || image.settings.user.trim()) === '') return image;
      const isMasked = await unlessAborted(masksUsers(), signal);
      signal.throwIfAborted();
      if (isMasked !== true) return image;
      const user = await this.#userIn(image, wanted.runsAs, signal);
      return { ...image, ...(user ? { user } : {}) };
    } catch (error) {
      image.release();
      throw error;
    }
  }

  /** Of one in an engine it is found once: to look into that takes a container. */
  async #userIn(image: UsedImage, ofTask: string, signal: AbortSignal): Promise<ImageUser | undefined> {
    const { tree, lookInto, words, settings } = image;
    const find = (files: ImageFiles): Promise<ImageUser | undefined> => userIn({ files, words }, ofTask, settings.user);
    if (tree !== undefined) return find(filesOfTree(tree));
    const asked = ofTask.trim() || settings.user.trim();
    if (!lookInto) return undefined;
    const key = `${image.image ?? ''} ${asked}`;
    const known = this.#users.get(key);
    if (known) return known;
    const user = await lookInto(find, signal);
    if (this.#users.size >= MOST_USERS) this.#users.clear();
    if (user) this.#users.set(key, user);
    return user;
  }
}

/** Who a command is in its image. A home that cannot be written is none. */
export const inImage = (
  { user }: TaskImage,
  { mayChangeRoot }: Pick<PreparedInstance, 'mayChangeRoot'>,
): { readonly seenAs?: UserNumbers; readonly home?: string } => {
  if (!user) return {};
  const { home, ...seenAs } = user;
  return { seenAs, ...(home !== undefined && mayChangeRoot ? { home } : {}) };
};

/** What an instance has of its own in place of what its image has there. */
const OWN: ReadonlySet<string> = new Set(['job', 'tmp', 'dev', 'proc', 'sys', 'run']);

/** @throws UserError a command cannot start there */
export const assertFolderIn = async (
  { tree, words }: Pick<UsedImage, 'tree' | 'words'>,
  { jobDir, paths }: Pick<PreparedInstance, 'jobDir' | 'paths'>,
  directory: string,
): Promise<void> => {
  // Of one in an engine only that knows its files, and says so when the command is to start.
  if (tree === undefined || directory === paths.job || directory === paths.tmp || directory === '/') return;
  let isHidden = false;
  // What the instance sees: its own folders, and the image's.
  const look = async ([top = '', ...rest]: readonly string[]): Promise<Found> => {
    if (!OWN.has(top)) return lookAt(join(tree, top, ...rest));
    if (top === 'job') return rest.length === 0 ? 'folder' : lookAt(join(jobDir, ...rest));
    if (top === 'tmp' && rest.length === 0) return 'folder';
    isHidden = true;
    return undefined;
  };
  const found = await walkTo(directory, look).catch((error: unknown) => {
    if (!(error instanceof LayerRefused)) throw error;
    return undefined;
  });
  if (found) return;
  const place = directory.startsWith(`${paths.job}/`) ? 'among its inputs' : `in the image ${words}`;
  throw new UserError(
    'FX-CONSTANT',
    `The command cannot start in ${directory}: ${isHidden ? 'each instance has a folder of its own there, not that of its image' : `there is no such folder ${place}`}`,
  );
};

/** What its owner should know of the image that an instance ran in. */
export const notesOfImage = (
  image: TaskImage | undefined,
  { constants }: Pick<LeaseOrder, 'constants'>,
  mayChange = true,
): readonly string[] => {
  if (!image) return [];
  const ofTask = constants.some(({ key, value }) => key === 'DOCKER_USER' && value !== '');
  const { user } = image.settings;
  const asked = ofTask
    ? 'DOCKER_USER'
    : !['', 'root', '0', '0:0', 'root:root'].includes(user) && 'The USER of the image';
  return [
    `It ran in the image ${image.words}, ${image.digest}`,
    ...(asked === false || image.user
      ? []
      : [
          `${asked} has no effect on this node: each instance runs as a user of its own, who may read all of the image`,
        ]),
    ...(mayChange ? [] : ['Nothing of the image can be changed on this node: /job, /tmp and /dev/shm can be written']),
  ];
};
