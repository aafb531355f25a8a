import { Injectable } from '@nestjs/common';
import { constantIdentity, keptKeyIn, referenceTo, SealedElsewhere, Sealer } from '@fornax/identity';
import { ValidationFailed } from '@fornax/base';
import type { TaskConstant } from '@fornax/domain';
import { CommandRejected } from '@fornax/event-store';
import { DataKeys, type OwnedKey } from '@fornax/service-kit';
import { Gathering } from '../commands/gathering.js';
import type { Reserved } from '../places/placed.js';

/** Constants named so are for the task alone (contract, section 4.5). */
export const SECRET_PREFIX = 'QARNOT_SECRET_';
/** What stands for a secret wherever constants are shown. */
export const MASK = '[SECRET]';

export interface ClearConstant {
  readonly key: string;
  readonly value: string;
}
export interface SealedConstants {
  readonly constants: readonly TaskConstant[];
  /** Present when something is sealed. */
  readonly wrappedKey?: string;
}

const isSecret = ({ key }: ClearConstant): boolean => key.startsWith(SECRET_PREFIX);
const isMasked = (constant: ClearConstant): boolean => isSecret(constant) && constant.value === MASK;

/** As they stand in a specification before they are sealed. */
export const unsealed = (constants: readonly ClearConstant[] = []): readonly TaskConstant[] =>
  constants.map((constant) => (isSecret(constant) ? { ...constant, value: MASK } : constant));

/** Constants that were checked, in clear, with what masked ones stand for: they are sealed once it is certain whose they are. */
export interface OpenConstants {
  readonly asked: readonly ClearConstant[];
  readonly known: ReadonlyMap<string, string>;
}

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

/** Constants that were sealed before, and whose: the id of their task or pool. */
export interface SealedOf extends SealedConstants {
  readonly ownerId: string;
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
   * @param write takes them to the log @throws ValidationFailed, SealedElsewhere, KeyDestroyed, and what `write` throws
   */
  async change(
    constants: readonly ClearConstant[],
    before: SealedOf,
    write: (sealed: SealedConstants) => Promise<void>,
  ): Promise<void> {
    const { constants: sealed, key } = this.seal(before.ownerId, await this.copying(constants, before));
    const keys = key === undefined ? [] : [key];
    if (keys.length > 0) await this.keys.keep(keys);
    try {
      await write(sealed);
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

const noValue = ({ key }: ClearConstant): ValidationFailed =>
  new ValidationFailed({ constants: [`The constant ${key} has no value that ${MASK} stands for.`] });

/** Constants as clients may see them. */
export const masked = (constants: readonly TaskConstant[]): { key: string; value: string }[] =>
  constants.map((constant) => ({ key: constant.key, value: 'sealed' in constant ? MASK : constant.value }));
