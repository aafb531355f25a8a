import { counted } from '../parts/format.tsx';
import { rangesOf } from '../parts/ranges.ts';
import { api, bodyOf } from './client.ts';
import type { paths } from './schema.d.ts';
import type { Read, Rights } from './wire.ts';

export type Pool = Read<'/pools/{id}'>;
export type PoolPage = paths['/pools/summaries/paginate']['post']['responses'][200]['content']['application/json'];
type EventPage = Read<'/fornax/v1/pools/{id}/events'>;
export type PoolEvent = EventPage['events'][number];

const PAGE_SIZE = 50;
const PAGE_OF_EVENTS = 1_000;
/** More of them nobody looks at here; the command line has all. */
const MOST_EVENTS = 50_000;

/** One page of pools, newest first. @param token of the page before; empty for the first one */
export const readPoolPage = (token: string): Promise<PoolPage> => {
  const body = {
    maximumResults: PAGE_SIZE,
    orderBy: 'creationDate',
    orderType: 'DESC',
    ...(token === '' ? {} : { token }),
  };
  return bodyOf(api.POST('/pools/summaries/paginate', { body }));
};

export const readPool = (id: string): Promise<Pool> => bodyOf(api.GET('/pools/{id}', { params: { path: { id } } }));

/** Whose a pool is, and what may be done with it. */
export const readPoolRights = (id: string): Promise<Rights> =>
  bodyOf(api.GET('/fornax/v1/pools/{id}/rights', { params: { path: { id } } }));

/** What happened to a pool, oldest first. */
export interface PoolEvents {
  readonly events: readonly PoolEvent[];
  /** There is no more than that. */
  readonly isAll: boolean;
}

/** What happened to a pool, page by page. @param known what was read before, which is gone on from */
export const readPoolEvents = async (id: string, known?: PoolEvents): Promise<PoolEvents> => {
  const events = [...(known?.events ?? [])];
  let after: number | null = events.at(-1)?.sequence ?? 0;
  while (after !== null && events.length < MOST_EVENTS) {
    const query = { limit: PAGE_OF_EVENTS, ...(after === 0 ? {} : { after }) };
    const page: EventPage = await bodyOf(api.GET('/fornax/v1/pools/{id}/events', { params: { path: { id }, query } }));
    events.push(...page.events);
    after = page.next;
  }
  return events.length === known?.events.length && after === null ? known : { events, isAll: after === null };
};

export const readPoolTasks = (id: string): Promise<Read<'/pools/{id}/tasks'>> =>
  bodyOf(api.GET('/pools/{id}/tasks', { params: { path: { id } } }));

export const closePool = (id: string): Promise<unknown> =>
  bodyOf(api.POST('/pools/{id}/close', { params: { path: { id } } }));
export const deletePool = (id: string): Promise<unknown> =>
  bodyOf(api.DELETE('/pools/{id}', { params: { path: { id } } }));

/** How many numbers a text of ranges names. */
const sizeOf = (ranges: unknown): number =>
  rangesOf(String(ranges ?? '')).reduce((sum, [first, last]) => sum + last - first + 1, 0);

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0);
const hadStarted = (attempt: unknown): boolean =>
  typeof attempt === 'object' && attempt !== null && 'startedAt' in attempt && attempt.startedAt !== null;

export interface SlotsAt {
  readonly at: number;
  readonly wanted: number;
  readonly ready: number;
}

/** How many slots a pool was to have, and had, after each event that changed it. */
export const slotsOver = (events: readonly PoolEvent[]): readonly SlotsAt[] => {
  let [wanted, ready] = [0, 0];
  return events.flatMap(({ type, at, data }): readonly SlotsAt[] => {
    if (type === 'PoolResized') wanted += sizeOf(data['opened']) - sizeOf(data['closed']);
    else if (type === 'SlotsReady') ready += lengthOf(data['leases']);
    else if (type === 'SlotsEnded' && Array.isArray(data['attempts']))
      ready -= data['attempts'].filter(hadStarted).length;
    else return [];
    return [{ at: Date.parse(at), wanted, ready: Math.max(0, ready) }];
  });
};

export interface Decision {
  readonly id: string;
  readonly at: string;
  readonly what: string;
  readonly why: string;
}

const slots = (ranges: unknown): string => {
  const size = sizeOf(ranges);
  return `${counted(size, 'slot')} (${String(ranges)})`;
};

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;

/** The rule by which a pool is opened and closed, as its events have it. */
const ruleOf = (size: unknown): string => {
  const text = (key: string): string => String(field(size, key));
  switch (field(size, 'type')) {
    case 'fixed':
      return `it has ${counted(Number(text('nodes')), 'slot')}, always`;
    case 'elastic':
      return `it follows its tasks, from ${text('minimum')} to ${counted(Number(text('maximum')), 'slot')}, ${text('minimumIdle')} of them without work`;
    default:
      return 'its policies say so';
  }
};

/** What decided about the size of a pool, and why, the newest first. */
export const decisionsOf = (events: readonly PoolEvent[]): readonly Decision[] => {
  let rule = '';
  return events
    .flatMap(({ id, at, type, data, actor, reason }): readonly Decision[] => {
      if (type === 'PoolCreated') rule = ruleOf(field(data['spec'], 'size'));
      if (type === 'PoolScalingChanged') rule = ruleOf(data['size']);
      const by = reason ?? `by ${actor}`;
      switch (type) {
        case 'PoolCreated':
          return [{ id, at, what: 'It was made', why: by }];
        case 'PoolScalingChanged':
          return [{ id, at, what: 'Its size was changed', why: by }];
        case 'PoolCloseRequested':
          return [{ id, at, what: 'It was to be closed', why: by }];
        case 'PoolDeleteRequested':
          return [{ id, at, what: 'It was to be deleted', why: by }];
        case 'PoolResized': {
          const opened = sizeOf(data['opened']) > 0 ? [`opens ${slots(data['opened'])}`] : [];
          const closed = sizeOf(data['closed']) > 0 ? [`closes ${slots(data['closed'])}`] : [];
          const policy = data['policyName'];
          const why = typeof policy === 'string' ? `policy ${policy} is active` : rule;
          return [{ id, at, what: [...opened, ...closed].join(', ') || 'another policy is active', why }];
        }
        default:
          return [];
      }
    })
    .toReversed();
};

/** What says how many slots a pool is to have, in words. */
export const sizeInWords = ({ scaling, elasticProperty, instanceCount }: Pool): string => {
  if (scaling !== null && scaling !== undefined) {
    const name = scaling.activePolicyName;
    return name === null ? 'by policies, none of which is active' : `by policies; ${name} is active`;
  }
  if (elasticProperty?.isElastic === true) {
    const { minTotalSlots, maxTotalSlots, minIdleSlots, minIdleTimeSeconds } = elasticProperty;
    return `follows its tasks, from ${minTotalSlots} to ${counted(maxTotalSlots, 'slot')}, of which ${minIdleSlots} ${minIdleSlots === 1 ? 'waits' : 'wait'} for work; a slot without work for ${minIdleTimeSeconds} s is closed`;
  }
  return `${counted(instanceCount, 'slot')}, always`;
};
