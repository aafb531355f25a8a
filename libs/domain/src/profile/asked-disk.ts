import type { TaskSpec } from '../task/task.events.js';
import { hasReference } from './constant-value.js';
import { diskConstant } from './docker.profiles.js';
import type { OfProfile } from './profile-of.js';
import { type ConstantProblem, effectiveConstants, forcedConstantsOf } from './effective-constants.js';

type Asking = OfProfile & Pick<TaskSpec, 'constants' | 'echo' | 'hardwareConstraints'>;

const { name: NAME } = diskConstant;

/**
 * How much room for files each instance of a task asks for, in megabytes of a million bytes: the most that its hardware constraints and the constant
 * INSTANCE_DISK_MB say; 0: none. Values are those that `askedDiskProblem` has let through.
 */
export const askedDiskMB = (spec: Asking): number => {
  const constant = effectiveConstants(spec).find(({ key }) => key === NAME);
  const byConstraints = spec.hardwareConstraints.flatMap((constraint) =>
    constraint.discriminator === 'MinimumDiskHardwareConstraint' ? [Math.ceil(constraint.minimumDiskMB)] : [],
  );
  return Math.max(0, Number(constant && 'value' in constant ? constant.value : 0), ...byConstraints);
};

const textProblem = (value: string, mostMB: number): string | undefined => {
  if (hasReference(value))
    return `The constant ${NAME} must be a whole number: it decides where an instance runs, before any reference is filled in.`;
  return sizeProblem(`The constant ${NAME} asks`, Number(value), mostMB);
};

const sizeProblem = (who: string, askedMB: number, mostMB: number): string | undefined =>
  mostMB > 0 && askedMB > mostMB
    ? `${who} for ${askedMB} MB of disk, and an instance may have at most ${mostMB} MB here.`
    : undefined;

/** What is wrong with the room that a task asks for. @param mostMB what an operator lets an instance have; 0: as much as some node has */
export const askedDiskProblem = (
  {
    constants,
    echo,
    hardwareConstraints,
  }: Pick<TaskSpec, 'hardwareConstraints' | 'echo'> & {
    readonly constants: readonly { readonly key: string; readonly value: string }[];
  },
  mostMB: number,
): ConstantProblem | undefined => {
  for (const [index, { key, value }] of constants.entries()) {
    const text = key === NAME ? textProblem(value, mostMB) : undefined;
    if (text !== undefined) return { field: `constants[${index}].value`, text };
  }
  for (const [index, { constantName, forcedValue }] of forcedConstantsOf({ echo }).entries()) {
    const text = constantName === NAME && forcedValue !== undefined ? textProblem(forcedValue, mostMB) : undefined;
    if (text !== undefined) return { field: `forcedConstants[${index}].forcedValue`, text };
  }
  for (const [index, constraint] of hardwareConstraints.entries()) {
    if (constraint.discriminator !== 'MinimumDiskHardwareConstraint') continue;
    const text = sizeProblem('The constraint asks', constraint.minimumDiskMB, mostMB);
    if (text !== undefined) return { field: `hardwareConstraints[${index}].minimumDiskMB`, text };
  }
  return undefined;
};
