import { Injectable } from '@nestjs/common';
import { constantIdentity, keptKeyIn, referenceTo, Sealer } from '@fornax/identity';
import { ValidationFailed } from '@fornax/base';
import type { TaskConstant } from '@fornax/domain';
import { DataKeys, type MadeKey } from '@fornax/service-kit';

/** Constants named so are for the task alone (contract, section 4.5). */
export const SECRET_PREFIX = 'QARNOT_SECRET_';
/** What stands for a secret wherever constants are shown. */
export const MASK = '[SECRET]';

interface ClearConstant {
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

/** Seals the constants of one task or pool, whatever they turn out to be. */
export interface ConstantSealing {
  /** @throws ValidationFailed a masked secret that stands for nothing */
  readonly seal: (constants: readonly ClearConstant[]) => SealedConstants;
  /** Keeps the data key, where one was made. To be done before what was sealed is in the log. */
  readonly keep: () => Promise<void>;
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

  /**
   * Makes the sealing of constants for another task or pool than those of `before`: secrets that are masked are taken from the first one that has them. They are
   * sealed anew, under a key of their own, so that deleting any of these leaves the others whole.
   * @param asked what is to be sealed, or some of it @throws SealedElsewhere, KeyDestroyed what a masked one stands for cannot be opened
   */
  async copying(
    ownerId: string,
    asked: readonly ClearConstant[],
    ...before: readonly SealedOf[]
  ): Promise<ConstantSealing> {
    const known = asked.some(isMasked) ? await this.open(before) : new Map<string, string>();
    let made: MadeKey | undefined;
    const seal = (constants: readonly ClearConstant[]): SealedConstants => {
      if (!constants.some(isSecret)) return { constants };
      made ??= this.keys.make();
      const { keyId, key } = made;
      const wrappedKey = referenceTo(keyId);
      return {
        constants: constants.map((constant) => {
          if (!isSecret(constant)) return constant;
          const value = isMasked(constant) ? known.get(constant.key) : constant.value;
          if (value === undefined) throw noValue(constant);
          const identity = constantIdentity(ownerId, wrappedKey, constant.key);
          return { key: constant.key, sealed: this.sealer.seal(key, value, identity) };
        }),
        wrappedKey,
      };
    };
    return { seal, keep: async () => void (made && (await this.keys.keep(made, ownerId))) };
  }

  /** Seals constants of a task or pool that has some: a value that comes back masked keeps its old self. All are sealed anew. @throws ValidationFailed, SealedElsewhere, KeyDestroyed */
  async change(constants: readonly ClearConstant[], before: SealedOf): Promise<SealedConstants> {
    const { seal, keep } = await this.copying(before.ownerId, constants, before);
    const sealed = seal(constants);
    await keep();
    return sealed;
  }

  /** Values of what was sealed, by the names of the constants. */
  private async open(before: readonly SealedOf[]): Promise<Map<string, string>> {
    const known = new Map<string, string>();
    for (const { ownerId, constants, wrappedKey } of before.toReversed()) {
      if (wrappedKey === undefined) continue;
      const keyId = keptKeyIn(wrappedKey);
      const key = keyId === undefined ? this.sealer.unwrap(wrappedKey) : await this.keys.find(keyId);
      for (const one of constants)
        if ('sealed' in one)
          known.set(one.key, this.sealer.open(key, one.sealed, constantIdentity(ownerId, wrappedKey, one.key)));
    }
    return known;
  }
}

const noValue = ({ key }: ClearConstant): ValidationFailed =>
  new ValidationFailed({ constants: [`The constant ${key} has no value that ${MASK} stands for.`] });

/** Constants as clients may see them. */
export const masked = (constants: readonly TaskConstant[]): { key: string; value: string }[] =>
  constants.map((constant) => ({ key: constant.key, value: 'sealed' in constant ? MASK : constant.value }));
