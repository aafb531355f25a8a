import { oneOf, said, textIn, wholeNumber, type Raw } from './search.ts';

export const BILLING_TABS = ['spend', 'budgets', 'prices'] as const;
export type BillingTab = (typeof BILLING_TABS)[number];
export const DIMENSIONS = ['project', 'user', 'tag', 'plan', 'task', 'node', 'hardware'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** What the page of billing shows. Days and months are those of the reader's zone. */
export interface BillingSearch {
  readonly tab?: BillingTab;
  /** Days, the last one is part of it; without them the month that is now. */
  readonly from?: string;
  readonly to?: string;
  readonly by?: Dimension;
  /** What was gone into: `project:…`. */
  readonly only?: string;
  /** The rating whose difference is shown. */
  readonly rating?: string;
}

const dayIn = (raw: Raw, key: string): string | undefined => {
  const text = textIn(raw, key);
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : undefined;
};

export const searchOfBilling = (raw: Raw): BillingSearch =>
  said({
    tab: oneOf(raw, 'tab', BILLING_TABS),
    from: dayIn(raw, 'from'),
    to: dayIn(raw, 'to'),
    by: oneOf(raw, 'by', DIMENSIONS),
    only: textIn(raw, 'only'),
    rating: textIn(raw, 'rating'),
  });

export const JOB_STATES = ['Active', 'Terminating', 'Completed', 'Deleting'] as const;
export interface JobsSearch {
  readonly state?: (typeof JOB_STATES)[number];
  readonly name?: string;
}
export const searchOfJobs = (raw: Raw): JobsSearch =>
  said({ state: oneOf(raw, 'state', JOB_STATES), name: textIn(raw, 'name') });

export const JOB_VIEWS = ['graph', 'table'] as const;
export interface JobSearch {
  readonly view?: (typeof JOB_VIEWS)[number];
}
export const searchOfJob = (raw: Raw): JobSearch => said({ view: oneOf(raw, 'view', JOB_VIEWS) });

export const POOL_TABS = ['slots', 'scaling', 'tasks'] as const;
export type PoolTab = (typeof POOL_TABS)[number];
export interface PoolSearch {
  readonly tab?: PoolTab;
}
export const searchOfPool = (raw: Raw): PoolSearch => said({ tab: oneOf(raw, 'tab', POOL_TABS) });

export interface SecretsSearch {
  readonly folder?: string;
  /** The secret whose versions and readers are shown. */
  readonly key?: string;
}
export const searchOfSecrets = (raw: Raw): SecretsSearch =>
  said({ folder: textIn(raw, 'folder'), key: textIn(raw, 'key') });

export const PEOPLE_TABS = ['me', 'users', 'organizations'] as const;
export type PeopleTab = (typeof PEOPLE_TABS)[number];
export interface PeopleSearch {
  readonly tab?: PeopleTab;
  /** The first one that is shown. */
  readonly offset?: number;
  readonly user?: string;
}
export const searchOfPeople = (raw: Raw): PeopleSearch =>
  said({ tab: oneOf(raw, 'tab', PEOPLE_TABS), offset: wholeNumber(raw, 'offset'), user: textIn(raw, 'user') });

export const PLATFORM_TABS = ['services', 'projections', 'log', 'scheduling'] as const;
export type PlatformTab = (typeof PLATFORM_TABS)[number];
export interface PlatformSearch {
  readonly tab?: PlatformTab;
}
export const searchOfPlatform = (raw: Raw): PlatformSearch => said({ tab: oneOf(raw, 'tab', PLATFORM_TABS) });
