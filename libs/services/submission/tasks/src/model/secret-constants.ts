import { isSecretName, type TaskConstant } from '@fornax/domain';

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

/** Constants in the place of others. */
export interface ChangedConstants extends SealedConstants {
  /** Envelopes of those before whose values are kept: they hold as long as those are still there. */
  readonly keeps?: readonly string[];
}

export const isSecret = ({ key }: ClearConstant): boolean => isSecretName(key);
export const isMasked = (constant: ClearConstant): boolean => isSecret(constant) && constant.value === MASK;

/** As they stand in a specification before they are sealed. */
export const unsealed = (constants: readonly ClearConstant[] = []): readonly TaskConstant[] =>
  constants.map((constant) => (isSecret(constant) ? { ...constant, value: MASK } : constant));

/** Constants that were checked, in clear, with what masked ones stand for: they are sealed once it is certain whose they are. */
export interface OpenConstants {
  readonly asked: readonly ClearConstant[];
  readonly known: ReadonlyMap<string, string>;
}

/** Constants that were sealed before, and whose: the id of their task or pool. */
export interface SealedOf extends SealedConstants {
  readonly ownerId: string;
}

/** Constants as clients may see them. */
export const masked = (constants: readonly TaskConstant[]): { key: string; value: string }[] =>
  constants.map((constant) => ({ key: constant.key, value: 'sealed' in constant ? MASK : constant.value }));
