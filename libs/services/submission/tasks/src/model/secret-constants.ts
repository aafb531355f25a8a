import { Injectable } from '@nestjs/common';
import { constantIdentity, keptKeyIn, referenceTo, SealedElsewhere, Sealer } from '@fornax/identity';
import { ValidationFailed } from '@fornax/base';
import type { TaskConstant } from '@fornax/domain';
import { DataKeys, type MadeKey } from '@fornax/service-kit';

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
   * @param asked all that is to be sealed @throws SealedElsewhere, KeyDestroyed what a masked one stands for cannot be opened
   */
  async copying(
    ownerId: string,
    asked: readonly ClearConstant[],
    ...before: readonly SealedOf[]
  ): Promise<ConstantSealing> {
    const known = await this.open(new Set(asked.filter(isMasked).map(({ key }) => key)), before);
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
