import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '@fornax/base';
import { CommandRejected } from '@fornax/event-store';
import { constantIdentity, keptKeyIn, referenceTo, SealedElsewhere, Sealer } from '@fornax/identity';
import { DataKeys, type OwnedKey } from '@fornax/service-kit';
import {
  isMasked,
  isSecret,
  MASK,
  type ChangedConstants,
  type ClearConstant,
  type OpenConstants,
  type SealedConstants,
  type SealedOf,
} from '../model/secret-constants.js';
import type { Reserved } from '../places/placed.js';
import { Gathering } from './gathering.js';

/** Something that has constants, and whose constants they are. */
export interface OfOwner<T> {
  readonly id: string;
  readonly made: T;
}

/** What has its constants sealed, and the data keys that were kept for it. */
export interface SealedAll<T> {
  readonly made: readonly T[];
  readonly keys: Reserved;
}

/**
 * Keeps secrets out of the log: one data key for each task and pool, outside of the log, where it is destroyed with its owner (ADR 0112). Events of before hold
 * the data key themselves, wrapped by the master key; those are read.
 */
@Injectable()
export class SecretConstants {
  constructor(
    private readonly sealer: Sealer,
    private readonly keys: DataKeys,
  ) {}

  /** Tasks of one bulk come one by one. */
  private readonly keeping = new Gathering(async (keys: readonly (readonly OwnedKey[])[]) => {
    await this.keys.keep(keys.flat());
    return keys.map(() => true);
  });

  /**
   * Opens what masked ones stand for, from the first of `before` that has them: they are sealed anew, under a key of their own, so that deleting any of these leaves
   * the others whole. It leaves nothing.
   * @throws ValidationFailed a masked secret that stands for nothing @throws SealedElsewhere, KeyDestroyed what a masked one stands for cannot be opened
   */
  async copying(asked: readonly ClearConstant[], ...before: readonly SealedOf[]): Promise<OpenConstants> {
    const wanted = asked.filter(isMasked);
    const known = await this.open(new Set(wanted.map(({ key }) => key)), before);
    const unknown = wanted.find(({ key }) => !known.has(key));
    if (unknown) throw noValue(unknown);
    return { asked, known };
  }

  /**
   * Seals the constants of new tasks or pools, and keeps their data keys, all of them or none. To be done before the log has what was sealed, and once their ids are
   * certain: a value opens under the id of its own task or pool alone.
   */
  async sealAll<T extends { readonly open: OpenConstants; readonly spec: SealedConstants }>(
    all: readonly OfOwner<T>[],
  ): Promise<SealedAll<T>> {
    const sealed = all.map(({ id, made }) => ({ made, ...this.seal(id, made.open) }));
    const keys = sealed.flatMap(({ key }) => (key === undefined ? [] : [key]));
    if (keys.length > 0) await this.keeping.one(keys);
    return {
      made: sealed.map(({ made, constants }) => ({ ...made, spec: { ...made.spec, ...constants } })),
      keys: {
        confirm: () => undefined,
        release: () => this.destroy(keys),
        // The log may have what was sealed with them.
        leaveUnknown: () => undefined,
      },
    };
  }

  /**
   * Changes constants of a task or pool that has some: a value that comes back masked keeps its old self. All are sealed anew.
   * @param write takes them to the log, which refuses them where the old selves are others by then @throws ValidationFailed, SealedElsewhere, KeyDestroyed, and what `write` throws
   */
  async change(
    constants: readonly ClearConstant[],
    before: SealedOf,
    write: (sealed: ChangedConstants) => Promise<void>,
  ): Promise<void> {
    const { constants: sealed, key } = this.seal(before.ownerId, await this.copying(constants, before));
    const keys = key === undefined ? [] : [key];
    if (keys.length > 0) await this.keys.keep(keys);
    try {
      await write({ ...sealed, ...keptFrom(before, constants) });
    } catch (error) {
      // After anything else they may be in the log.
      if (error instanceof CommandRejected) await this.destroy(keys);
      throw error;
    }
  }

  private seal(
    ownerId: string,
    { asked, known }: OpenConstants,
  ): { readonly constants: SealedConstants; readonly key?: OwnedKey } {
    if (!asked.some(isSecret)) return { constants: { constants: asked } };
    const made = this.keys.make();
    const wrappedKey = referenceTo(made.keyId);
    const constants = asked.map((constant) => {
      if (!isSecret(constant)) return constant;
      const value = (isMasked(constant) ? known.get(constant.key) : undefined) ?? constant.value;
      const identity = constantIdentity(ownerId, wrappedKey, constant.key);
      return { key: constant.key, sealed: this.sealer.seal(made.key, value, identity) };
    });
    return { constants: { constants, wrappedKey }, key: { ...made, ownerId } };
  }

  private async destroy(keys: readonly OwnedKey[]): Promise<void> {
    if (keys.length > 0) await this.keys.destroy(keys.map(({ keyId }) => keyId));
  }

  /** Values of what was sealed, by the names of the constants: those that are wanted, from the first one that has them. */
  private async open(wanted: ReadonlySet<string>, before: readonly SealedOf[]): Promise<ReadonlyMap<string, string>> {
    const known = new Map<string, string>();
    for (const { ownerId, constants, wrappedKey } of before) {
      if (wrappedKey === undefined) continue;
      const found = constants.flatMap((one) =>
        'sealed' in one && wanted.has(one.key) && !known.has(one.key) ? [one] : [],
      );
      if (found.length === 0) continue;
      const keyId = keptKeyIn(wrappedKey);
      const key = keyId === undefined ? this.sealer.unwrap(wrappedKey) : await this.keys.find(keyId);
      for (const one of found)
        known.set(one.key, this.opened(key, one, constantIdentity(ownerId, wrappedKey, one.key)));
    }
    return known;
  }

  /** @throws SealedElsewhere it is another one's */
  private opened(key: Uint8Array, { sealed }: { readonly sealed: string }, identity: string): string {
    try {
      return this.sealer.open(key, sealed, identity);
    } catch (cause) {
      throw new SealedElsewhere(cause);
    }
  }
}

/** Which envelopes masked constants stand for. */
const keptFrom = (before: SealedOf, constants: readonly ClearConstant[]): Pick<ChangedConstants, 'keeps'> => {
  const wanted = new Set(constants.filter(isMasked).map(({ key }) => key));
  const keeps = before.constants.flatMap((one) => ('sealed' in one && wanted.has(one.key) ? [one.sealed] : []));
  return keeps.length === 0 ? {} : { keeps };
};

const noValue = ({ key }: ClearConstant): ValidationFailed =>
  new ValidationFailed({ constants: [`The constant ${key} has no value that ${MASK} stands for.`] });
