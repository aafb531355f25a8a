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
  { to: '/buckets', label: 'Buckets' },
  { to: '/billing', label: 'Billing' },
  { to: '/secrets', label: 'Secrets' },
  { to: '/webhooks', label: 'Webhooks' },
  { to: '/people', label: 'People and quotas' },
  { to: '/platform', label: 'Platform', for: ['operator'] },
] as const satisfies readonly { readonly to: string; readonly label: string; readonly for?: readonly Role[] }[];

export const pagesFor = (role: Role): readonly (typeof PAGES)[number][] =>
  PAGES.filter((page) => !('for' in page) || page.for.some((one) => one === role));
