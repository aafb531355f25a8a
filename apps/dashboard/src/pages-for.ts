import type { Part } from './known/missing-parts.ts';
import type { Me } from './api/wire.ts';

type Role = Me['role'];

/** What there is a page of, and for whom: who may not write has no page that only writes, and who sees nothing on a page has no way to it. */
const PAGES = [
  { to: '/overview', label: 'Overview' },
  { to: '/tasks', label: 'Tasks' },
  { to: '/submit', label: 'Submit', for: ['user', 'coordinator', 'operator'] },
  { to: '/jobs', label: 'Jobs' },
  { to: '/pools', label: 'Pools' },
  { to: '/nodes', label: 'Nodes' },
  { to: '/buckets', label: 'Buckets', part: 'storage' },
  { to: '/billing', label: 'Billing', part: 'billing' },
  { to: '/secrets', label: 'Secrets' },
  { to: '/webhooks', label: 'Webhooks' },
  { to: '/people', label: 'People and quotas' },
  { to: '/platform', label: 'Platform', for: ['operator'] },
] as const satisfies readonly {
  readonly to: string;
  readonly label: string;
  readonly for?: readonly Role[];
  /** What the platform has to have for it. */
  readonly part?: Part;
}[];

/** Pages for a role of a platform that lacks some of its parts. */
export const pagesFor = (role: Role, missing: readonly Part[] = []): readonly (typeof PAGES)[number][] =>
  PAGES.filter(
    (page) =>
      (!('for' in page) || page.for.some((one) => one === role)) && !('part' in page && missing.includes(page.part)),
  );
