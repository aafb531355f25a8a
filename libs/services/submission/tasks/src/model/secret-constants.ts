import { Injectable } from '@nestjs/common';
import { type DataKey, Sealer } from '@fornax/identity';
import { ValidationFailed } from '@fornax/base';
import type { TaskConstant } from '@fornax/domain';

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

/** Keeps secrets out of the log: one data key for each task, wrapped by the master key (architecture, section 8). */
@Injectable()
export class SecretConstants {
  constructor(private readonly sealer: Sealer) {}

  /**
   * Constants for another task than those of `before`: secrets that are masked are taken from the first one that has them. They are sealed anew,
   * under a key of their own, so that deleting any of these tasks leaves the others whole.
   * @throws ValidationFailed a masked secret that none of them has
   */
  copy(constants: readonly ClearConstant[], ...before: readonly SealedConstants[]): SealedConstants {
    if (!constants.some(isMasked)) return this.seal(constants);
    const known = new Map<string, string>();
    for (const { constants: old, wrappedKey } of before.toReversed()) {
      if (wrappedKey === undefined) continue;
      const key = this.sealer.unwrap(wrappedKey);
      for (const one of old) if ('sealed' in one) known.set(one.key, this.sealer.open(key, one.sealed));
    }
    return this.seal(
      constants.map((constant) => ({
        key: constant.key,
        value: (isMasked(constant) ? known.get(constant.key) : undefined) ?? constant.value,
      })),
    );
  }

  /** @param before the task's constants and key so far: a value that comes back masked keeps its old self @throws ValidationFailed it has none */
  seal(constants: readonly ClearConstant[], before: SealedConstants = { constants: [] }): SealedConstants {
    if (!constants.some(isSecret)) return { constants };
    const old = new Map(before.constants.map((constant) => [constant.key, constant]));
    const { wrapped, key } =
      before.wrappedKey === undefined ? this.sealer.newDataKey() : this.keyBefore(before.wrappedKey, constants);
    return {
      constants: constants.map((constant) => {
        if (!isSecret(constant)) return constant;
        const known = old.get(constant.key);
        if (constant.value === MASK) {
          if (known && 'sealed' in known) return known;
          throw new ValidationFailed({
            constants: [`The constant ${constant.key} has no value that ${MASK} stands for.`],
          });
        }
        return { key: constant.key, sealed: this.sealer.seal(key, constant.value) };
      }),
      wrappedKey: wrapped,
    };
  }

  /** A key that is lost with the master key makes room for a new one, once every value is given anew. @throws SealedElsewhere */
  private keyBefore(wrapped: string, constants: readonly ClearConstant[]): DataKey {
    try {
      return { wrapped, key: this.sealer.unwrap(wrapped) };
    } catch (error) {
      if (constants.some(isMasked)) throw error;
      return this.sealer.newDataKey();
    }
  }
}

/** Constants as clients may see them. */
export const masked = (constants: readonly TaskConstant[]): { key: string; value: string }[] =>
  constants.map((constant) => ({ key: constant.key, value: 'sealed' in constant ? MASK : constant.value }));
