import type { ElasticSize, ScalingPeriod, ScalingPolicy } from '@fornax/domain';
import { z } from 'zod';
import { reference } from './wire.js';
import { parseWireDate } from './time-on-the-wire.js';

/** Most slots of a pool that a document may name. */
const MAX_SLOTS = 100_000;
const MAX_POLICIES = 20;
const MAX_PERIODS = 10;
/** The time between two steps of growth (contract, section 4.11). */
const PERIOD_SECONDS = 90;
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

const slots = z.number().int().nonnegative().max(MAX_SLOTS);
const seconds = z.number().nonnegative().max(31_536_000);
const share = z.number().min(0).max(1);
const name = z.string().max(255);

const day = z.union([z.string().max(16), z.number()]).transform((value, context): number => {
  const found = typeof value === 'number' ? value : DAYS.findIndex((known) => known === value.toLowerCase());
  if (DAYS[found] !== undefined) return found;
  context.addIssue({ code: 'custom', message: `The value must be one of ${DAYS.join(', ')}.` });
  return z.NEVER;
});

const TIME = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,7}))?)?$/;
const timeOfDay = z
  .string()
  .regex(TIME, 'The value is not a time of day in UTC (hh:mm[:ss]).')
  .transform((text): number => {
    const [, hours, minutes, whole = '0', fraction = ''] = TIME.exec(text) ?? [];
    return (
      ((Number(hours) * 60 + Number(minutes)) * 60 + Number(whole)) * 1_000 + Number(`0.${fraction || '0'}`) * 1_000
    );
  });

/** A rule about several fields is looked at whatever else is wrong with them, so that one answer names all that is. */
const rule = <T>(field: string, message: string, holds: (value: T) => boolean) => {
  const when = ({ value }: { readonly value: unknown }): boolean => typeof value === 'object' && value !== null;
  const options: { path: string[]; message: string; when: typeof when } = { path: [field], message, when };
  return [holds, options] as const;
};

interface Typed {
  readonly type: string;
}

/** Types are spelled exactly. */
const typedAs = (...types: readonly string[]) =>
  rule<Typed>(
    'type',
    `The type is unknown. The types are ${types.join(' and ')}.`,
    ({ type }) => typeof type !== 'string' || types.includes(type),
  );

/** What one of this type needs. */
const needs = <F extends string>(type: string, of: string, field: F) =>
  rule<Typed & { readonly [K in F]?: unknown }>(
    field,
    `${of} needs ${field}.`,
    (value) => value.type !== type || value[field] !== undefined,
  );

const periodSchema = z
  .object({
    type: z.string().max(64),
    name: name.optional(),
    days: z.array(day).max(7).optional(),
    startTimeUtc: timeOfDay.optional(),
    endTimeUtc: timeOfDay.optional(),
  })
  .refine(...typedAs('Always', 'Weekly'))
  .refine(...needs('Weekly', 'A weekly period', 'days'))
  .refine(...needs('Weekly', 'A weekly period', 'startTimeUtc'))
  .refine(...needs('Weekly', 'A weekly period', 'endTimeUtc'))
  .transform(({ type, days = [], startTimeUtc = 0, endTimeUtc = 0 }): ScalingPeriod =>
    type === 'Always' ? { type } : { type: 'Weekly', days, startMs: startTimeUtc, endMs: endTimeUtc },
  );

type Bounded = { readonly [K in 'minTotalSlots' | 'minIdleSlots' | 'maxTotalSlots']?: number | undefined };

/** The bounds of a size are not above its upper one. */
const upTo = (field: 'minTotalSlots' | 'minIdleSlots') =>
  rule<Bounded & Partial<Typed>>(
    field,
    `${field} is more than maxTotalSlots.`,
    (size) => size.type === 'Fixed' || !(Number(size[field] ?? 0) > Number(size.maxTotalSlots)),
  );

/** One policy of a scaling, as the domain knows it (contract, section 3.10). Types are spelled exactly; days are names or numbers, 0 is Sunday. */
export const scalingPolicySchema = z
  .object({
    type: z.string().max(64),
    name: name.optional(),
    enabledPeriods: z.array(periodSchema).max(MAX_PERIODS).optional(),
    minTotalSlots: slots.optional(),
    maxTotalSlots: slots.optional(),
    minIdleSlots: slots.optional(),
    minIdleTimeSeconds: seconds.optional(),
    scalingFactor: share.optional(),
    slotsCount: slots.optional(),
  })
  .refine(...typedAs('Fixed', 'ManagedTasksQueue'))
  .refine(...needs('Fixed', 'A fixed policy', 'slotsCount'))
  .refine(...needs('ManagedTasksQueue', 'A managed policy', 'maxTotalSlots'))
  .refine(...upTo('minTotalSlots'))
  .refine(...upTo('minIdleSlots'))
  .transform((input): ScalingPolicy => {
    const { type, name: given = '', enabledPeriods: periods = [] } = input;
    if (type === 'Fixed') return { type, name: given, periods, slots: input.slotsCount ?? 0 };
    return {
      type: 'ManagedTasksQueue',
      name: given,
      periods,
      minimum: input.minTotalSlots ?? 0,
      maximum: input.maxTotalSlots ?? 0,
      minimumIdle: input.minIdleSlots ?? 0,
      idleMs: (input.minIdleTimeSeconds ?? PERIOD_SECONDS) * 1_000,
      growth: input.scalingFactor ?? 0.2,
      periodMs: PERIOD_SECONDS * 1_000,
    };
  });

/** An elastic size (contract, section 3.4). Steps come 90 s apart at least. */
const elasticSchema = z
  .object({
    minTotalSlots: slots.default(0),
    maxTotalSlots: slots,
    minIdleSlots: slots.default(0),
    resizePeriod: seconds.default(PERIOD_SECONDS),
    rampResizeFactor: share.default(0.4),
    minIdleTimeSeconds: seconds.default(PERIOD_SECONDS),
  })
  .refine(...upTo('minTotalSlots'))
  .refine(...upTo('minIdleSlots'))
  .transform((input): ElasticSize => ({
    minimum: input.minTotalSlots,
    maximum: input.maxTotalSlots,
    minimumIdle: input.minIdleSlots,
    idleMs: input.minIdleTimeSeconds * 1_000,
    growth: input.rampResizeFactor,
    periodMs: Math.max(PERIOD_SECONDS, input.resizePeriod) * 1_000,
  }));

/** A scaling as the domain knows it: what `PUT /pools/{id}/scaling` takes. Which policy is active is not the caller's to say. */
export const scalingSchema = z.object({ policies: z.array(scalingPolicySchema).max(MAX_POLICIES) });

/** An elastic size as clients send it, elastic or not (contract, section 3.4); null: it is not elastic. */
export const elasticPropertySchema = z
  .object({
    isElastic: z.boolean().default(false),
    minTotalSlots: slots.default(0),
    maxTotalSlots: slots.default(0),
    minIdleSlots: slots.default(0),
    resizePeriod: seconds.default(PERIOD_SECONDS),
    rampResizeFactor: share.default(0.4),
    minIdleTimeSeconds: seconds.default(PERIOD_SECONDS),
  })
  .transform((input, context): ElasticProperty => {
    const { isElastic, ...rest } = input;
    if (!isElastic) return { ...input, size: null };
    const parsed = elasticSchema.safeParse(rest);
    if (parsed.success) return { ...input, size: parsed.data };
    for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
    return z.NEVER;
  });

/** What was asked for, and what it means; null: nothing. */
export interface ElasticProperty {
  readonly isElastic: boolean;
  readonly minTotalSlots: number;
  readonly maxTotalSlots: number;
  readonly minIdleSlots: number;
  readonly resizePeriod: number;
  readonly rampResizeFactor: number;
  readonly minIdleTimeSeconds: number;
  readonly size: ElasticSize | null;
}

const NAMES = new Map(
  [
    ...['type', 'name', 'enabledPeriods', 'minTotalSlots', 'maxTotalSlots', 'minIdleSlots', 'minIdleTimeSeconds'],
    ...['scalingFactor', 'slotsCount', 'days', 'startTimeUtc', 'endTimeUtc', 'policies'],
  ].map((known) => [known.toLowerCase(), known]),
);

const dayName = (value: unknown): unknown => (typeof value === 'number' ? (DAYS[value] ?? value) : value);

/**
 * A scaling as it is echoed: the client's own values in its own order of keys, which some compare (contract, 5.14), under the names of the contract; days
 * by their names. What the contract does not know, and what is null, is left out.
 */
export const echoOfScaling = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(echoOfScaling);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]): readonly (readonly [string, unknown])[] => {
      const known = NAMES.get(key.toLowerCase());
      if (known === undefined || item === null) return [];
      return [[known, known === 'days' && Array.isArray(item) ? item.map(dayName) : echoOfScaling(item)]];
    }),
  );
};

/** Body of `POST /sanity-checks/pools/scaling`: each policy is judged for itself (contract, section 2.3). */
export const scalingToCheckSchema = z.object({ policies: z.array(z.unknown()).max(MAX_POLICIES) });

const instant = z.string().transform((text, context): number => {
  const at = parseWireDate(text);
  if (at !== undefined) return at;
  context.addIssue({ code: 'custom', message: 'The value is not a date (ISO 8601).' });
  return z.NEVER;
});

/** Longest time that is simulated, in seconds: four weeks. */
const MAX_SIMULATED_SECONDS = 2_419_200;

/** Body of `POST /fornax/v1/pools/scaling/simulate`. Times of the demand are seconds after `from`. */
export const scalingSimulationSchema = z
  .object({
    scaling: z.object({ policies: z.array(scalingPolicySchema).min(1).max(MAX_POLICIES) }).optional(),
    elasticProperty: elasticSchema.optional(),
    from: instant,
    durationSeconds: z.number().int().positive().max(MAX_SIMULATED_SECONDS),
    slotOpensInSeconds: z.number().nonnegative().max(86_400).default(30),
    demand: z
      .array(z.object({ atSeconds: z.number().nonnegative().max(MAX_SIMULATED_SECONDS), instances: slots }))
      .max(10_000)
      .optional(),
    demandOf: reference()
      .optional()
      .meta({ description: 'Instead of demand: id or shortname of a pool, whose tasks were what was asked for then' }),
  })
  .superRefine(({ scaling, elasticProperty, demand, demandOf }, context) => {
    if ((demand === undefined) === (demandOf === undefined))
      context.addIssue({ code: 'custom', path: ['demand'], message: 'Give either demand or demandOf.' });
    if ((scaling === undefined) === (elasticProperty === undefined))
      context.addIssue({ code: 'custom', path: ['scaling'], message: 'Give either scaling or elasticProperty.' });
    const late = (demand ?? []).findIndex(({ atSeconds }, index) => atSeconds < (demand?.[index - 1]?.atSeconds ?? 0));
    if (late >= 0)
      context.addIssue({
        code: 'custom',
        path: ['demand', late, 'atSeconds'],
        message: 'It is before the one before it.',
      });
  });

export type ScalingSimulationRequest = z.output<typeof scalingSimulationSchema>;

/** Answer of `POST /fornax/v1/pools/scaling/simulate`. */
export const simulatedScalingSchema = z.object({
  points: z.array(
    z.object({
      at: z.string().describe('From then on'),
      activePolicyName: z.string().nullable(),
      demand: z.number().int().describe('Instances that run or wait'),
      openSlots: z.number().int().describe('Slots that are open or being opened'),
      readySlots: z.number().int().describe('Slots that take work'),
      busySlots: z.number().int(),
      waitingInstances: z.number().int(),
    }),
  ),
  isComplete: z.boolean().describe('False when it ended before durationSeconds because there were too many points'),
  openedSlots: z.number().int(),
  closedSlots: z.number().int(),
  slotSeconds: z.number().describe('Seconds of ready slots, times their number'),
  waitingSeconds: z.number().describe('Seconds of waiting instances, times their number'),
});

export type SimulatedScaling = z.output<typeof simulatedScalingSchema>;
