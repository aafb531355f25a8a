import type { TaskConstant, TaskSpec } from '../task/task.events.js';
import { hasReference, valueProblem } from './constant-value.js';
import type { Profile, ProfileConstant } from './profile.js';
import { profileOf, type OfProfile } from './profile-of.js';
import { isSecretName } from './secret-names.js';
import { TAG } from './compiled-profile.js';

/** What an operator imposes on a constant (contract, section 3.15). Absent parts stay as the profile and the task have them. */
export interface ForcedConstant {
  readonly constantName: string;
  readonly forcedValue?: string | undefined;
  readonly forceExportInEnvironment?: boolean | undefined;
  readonly access?: 'readOnly' | 'readWrite' | undefined;
}

/** A constant of an instance, as the node gets it. Sealed ones have no value here. */
export type EffectiveConstant = TaskConstant & {
  /** Whether the command sees it as a variable; a reference to it is filled in either way. */
  readonly isExported: boolean;
};

/** What is wrong with a constant, and in which field of the creation (contract, section 1.7). */
export interface ConstantProblem {
  readonly field: string;
  readonly text: string;
}

const byName = (profile: Profile): ReadonlyMap<string, ProfileConstant> =>
  new Map(profile.constants.map((constant) => [constant.name, constant]));

/** What is wrong with a value that may hold references. */
export const problemOfValue = (constant: ProfileConstant | undefined, value: string): string | undefined => {
  if (constant === undefined) return undefined;
  if (!hasReference(value)) return valueProblem(constant, value);
  return constant.takesNoReference === true
    ? `The constant ${constant.name} takes no reference: its value is checked before anything is filled in.`
    : undefined;
};

/**
 * The first thing that is wrong with the constants of a task of this profile; undefined when they fit. A value with a reference in it is left
 * to the node. A read-only constant may come back with the value that it has, as clients send a task as they read it.
 */
export const constantProblem = (
  profile: Profile,
  constants: readonly { readonly key: string; readonly value: string }[],
  forced: readonly ForcedConstant[] = [],
): ConstantProblem | undefined => {
  const known = byName(profile);
  const access = new Map(forced.map(({ constantName, access: wanted }) => [constantName, wanted]));
  for (const [index, { key, value }] of constants.entries()) {
    const constant = known.get(key);
    const forcedAccess = access.get(key);
    const isReadOnly = forcedAccess === undefined ? constant?.isReadOnly === true : forcedAccess === 'readOnly';
    if (isReadOnly && value !== constant?.value)
      return { field: `constants[${index}].key`, text: `The constant ${key} of the profile cannot be changed.` };
    const text = problemOfValue(constant, value);
    if (text !== undefined) return { field: `constants[${index}].value`, text };
  }
  for (const [index, { constantName, forcedValue }] of forced.entries()) {
    if (forcedValue === undefined) continue;
    const field = `forcedConstants[${index}].forcedValue`;
    if (isSecretName(constantName)) return { field, text: 'A secret constant cannot be forced.' };
    const text = problemOfValue(known.get(constantName), forcedValue);
    if (text !== undefined) return { field, text };
  }
  return undefined;
};

const isForced = (value: unknown): value is ForcedConstant =>
  typeof value === 'object' && value !== null && 'constantName' in value && typeof value.constantName === 'string';

/** Forced constants as the submission stored them, checked, among what the answer repeats. */
export const forcedConstantsOf = ({ echo }: Pick<TaskSpec, 'echo'>): readonly ForcedConstant[] => {
  const forced = echo['forcedConstants'];
  return Array.isArray(forced) ? forced.filter(isForced) : [];
};

/**
 * The constants of a task's instances: defaults of its profile, over them the task's own, over them what was forced (contract, sections 3.15
 * and 4.3); the image that a copy is pinned to over all of them. In the order of the profile, then of the task. A profile that is not known any more has no
 * defaults.
 */
export const effectiveConstants = (
  spec: OfProfile & Pick<TaskSpec, 'constants' | 'echo' | 'pinnedImage'>,
): readonly EffectiveConstant[] => {
  const effective = new Map<string, EffectiveConstant>();
  for (const { name, value } of profileOf(spec)?.constants ?? []) {
    if (value !== undefined) effective.set(name, { key: name, value, isExported: true });
  }
  for (const constant of spec.constants) effective.set(constant.key, { ...constant, isExported: true });
  for (const { constantName: key, forcedValue: value, forceExportInEnvironment: isExported } of forcedConstantsOf(
    spec,
  )) {
    const before = effective.get(key);
    if (value !== undefined) effective.set(key, { key, value, isExported: isExported ?? before?.isExported ?? true });
    else if (before && isExported !== undefined) effective.set(key, { ...before, isExported });
  }
  const { pinnedImage: digest } = spec;
  if (digest !== undefined)
    effective.set(TAG, { key: TAG, value: digest, isExported: effective.get(TAG)?.isExported ?? true });
  return [...effective.values()];
};
