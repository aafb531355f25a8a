import type { Filter } from '@fornax/client';
import { InvalidArgumentError } from 'commander';

/** Public states by what people call them (contract, section 4.1). */
const STATES = {
  waiting: ['Submitted', 'PartiallyDispatched', 'FullyDispatched'],
  running: ['PartiallyExecuting', 'FullyExecuting', 'UploadingResults'],
  success: ['Success'],
  failure: ['Failure'],
  cancelled: ['Cancelled', 'PendingCancel'],
} as const;
type StateName = keyof typeof STATES;
const STATE_NAMES = Object.keys(STATES) as StateName[];

/** A state as people call it. @throws InvalidArgumentError */
export const stateOf = (text: string, before: readonly StateName[] = []): readonly StateName[] => {
  const found = STATE_NAMES.find((name) => name === text.toLowerCase());
  if (found === undefined) throw new InvalidArgumentError(`must be one of ${STATE_NAMES.join(', ')}`);
  return [...before, found];
};

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * An instant: a day, a date with time, or so long ago (`90m`, `2h`, `3d`).
 * @param now milliseconds since 1970
 * @returns ISO 8601, UTC
 * @throws InvalidArgumentError
 */
export const instantOf = (text: string, now: number): string => {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const isDate = /^\d{4}-\d{2}-\d{2}/.test(text);
  const at =
    unit === undefined
      ? isDate
        ? Date.parse(text)
        : NaN
      : now - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (Number.isNaN(at))
    throw new InvalidArgumentError('must be a date such as 2027-01-31, or 90m, 2h or 3d for so long ago');
  return new Date(at).toISOString();
};

export interface TaskFilterOptions {
  /** One of these. */
  readonly state?: readonly StateName[];
  /** All of these. */
  readonly tag?: readonly string[];
  /** The beginning of it. */
  readonly name?: string;
  /** ISO 8601. */
  readonly since?: string;
}

const quoted = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What a list of tasks is narrowed to (contract, section 1.12). @param projectUuid of this one alone @returns undefined: all of them */
export const taskFilter = (
  { state, tag = [], name, since }: TaskFilterOptions,
  projectUuid: string | undefined,
): Filter | undefined => {
  const filters: readonly Filter[] = [
    ...(state === undefined
      ? []
      : [{ operator: 'In', field: 'State', values: state.flatMap((one) => STATES[one]) } as const]),
    ...tag.map((value) => ({ operator: 'Equal', field: 'Tags', value }) as const),
    ...(name === undefined ? [] : [{ operator: 'Like', field: 'Name', value: `/^${quoted(name)}/` } as const]),
    ...(since === undefined ? [] : [{ operator: 'GreaterThanOrEqual', field: 'CreationDate', value: since } as const]),
    ...(projectUuid === undefined ? [] : [{ operator: 'Equal', field: 'ProjectUuid', value: projectUuid } as const]),
  ];
  return filters.length === 0 ? undefined : { operator: 'And', filters };
};
