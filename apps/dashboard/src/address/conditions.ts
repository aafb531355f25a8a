/** How a field is compared; in the language of filters, and in words. */
export const COMPARISONS = {
  text: { Equal: 'is', NotEqual: 'is not', Like: 'matches' },
  list: { Equal: 'has', NotEqual: 'has not' },
  number: { GreaterThanOrEqual: 'at least', LessThanOrEqual: 'at most', Equal: 'is' },
  date: { GreaterThanOrEqual: 'since', LessThan: 'before' },
  duration: { GreaterThanOrEqual: 'at least', LessThanOrEqual: 'at most' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;
export type FieldType = keyof typeof COMPARISONS;

/** What tasks can be found by beside the filters that are always there. */
export const CONDITION_FIELDS = {
  Profile: ['Profile', 'text'],
  Shortname: ['Short name', 'text'],
  Tags: ['Tags', 'list'],
  Constants: ['Keys of constants', 'list'],
  'CompletedInstances.Error.Code': ['Error code of an instance', 'list'],
  'CompletedInstances.CpuModel': ['Processor of an instance', 'list'],
  ResultBucket: ['Bucket for results', 'text'],
  InstanceCount: ['Instances', 'number'],
  RunningInstanceCount: ['Instances that run', 'number'],
  CreationDate: ['Submitted', 'date'],
  EndDate: ['Ended', 'date'],
  ExecutionTime: ['Execution time', 'duration'],
  WallTime: ['Time from submission to end', 'duration'],
} as const satisfies Readonly<Record<string, readonly [label: string, type: FieldType]>>;
export type ConditionField = keyof typeof CONDITION_FIELDS;

/** One comparison of a filter. */
export interface Condition {
  readonly field: ConditionField;
  readonly is: string;
  readonly value: string;
}

export const isConditionField = (text: unknown): text is ConditionField =>
  typeof text === 'string' && Object.hasOwn(CONDITION_FIELDS, text);
export const typeOf = (field: ConditionField): FieldType => CONDITION_FIELDS[field][1];
export const comparisonsOf = (field: ConditionField): Readonly<Record<string, string>> => COMPARISONS[typeOf(field)];
export const firstComparison = (field: ConditionField): string => Object.keys(comparisonsOf(field))[0] ?? 'Equal';

const MOST = 20;

/** The conditions that an address holds; what is none is left out. */
export const conditionsIn = (raw: unknown): readonly Condition[] | undefined => {
  if (!Array.isArray(raw)) return undefined;
  const found = raw.slice(0, MOST).flatMap((one: unknown): readonly Condition[] => {
    if (typeof one !== 'object' || one === null || !('field' in one && 'is' in one && 'value' in one)) return [];
    const { field, is, value } = one;
    if (!isConditionField(field) || typeof is !== 'string' || !Object.hasOwn(comparisonsOf(field), is)) return [];
    return typeof value === 'string' || typeof value === 'number' ? [{ field, is, value: String(value) }] : [];
  });
  return found.length === 0 ? undefined : found;
};

const two = (value: number): string => String(value).padStart(2, '0');

/** Minutes as the language of filters writes a duration. */
const durationOf = (minutes: number): string => {
  const seconds = Math.round(minutes * 60);
  const days = Math.floor(seconds / 86_400);
  return `${days}.${two(Math.floor(seconds / 3_600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
};

/** The value of a condition as the filter takes it; undefined while it is still being typed. */
export const filterValue = ({ field, value }: Condition): string | number | undefined => {
  const text = value.trim();
  if (text === '') return undefined;
  switch (typeOf(field)) {
    case 'text':
    case 'list':
      return text;
    case 'number':
      return Number.isFinite(Number(text)) ? Number(text) : undefined;
    case 'duration':
      return Number(text) >= 0 ? durationOf(Number(text)) : undefined;
    case 'date':
      return Number.isNaN(Date.parse(text)) ? undefined : new Date(text).toISOString();
  }
};
