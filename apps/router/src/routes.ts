import { rewriteUrl } from '@fornax/service-kit';

export const SERVICES = ['submission', 'scheduler', 'node-registry', 'storage', 'billing', 'snapshot'] as const;
export type Service = (typeof SERVICES)[number];

/** Who answers a request: one service, or the router itself. */
export type Route =
  | { readonly to: 'service'; readonly service: Service }
  | { readonly to: 'all'; readonly what: 'ready' | 'health' | 'openapi' | 'projections' | 'log-state' | 'log-accept' }
  | { readonly to: 'owner-of-projection'; readonly name: string }
  | { readonly to: 'self'; readonly what: 'live' | 'metrics' };

const to = (service: Service): Route => ({ to: 'service', service });

const OWN: Readonly<Record<string, Route>> = {
  '/health/live': { to: 'self', what: 'live' },
  '/metrics': { to: 'self', what: 'metrics' },
  '/health/ready': { to: 'all', what: 'ready' },
  '/health': { to: 'all', what: 'health' },
  '/openapi.json': { to: 'all', what: 'openapi' },
  '/fornax/v1/projections': { to: 'all', what: 'projections' },
  // Each has a schema of its own that was made from the log.
  '/fornax/v1/log/state': { to: 'all', what: 'log-state' },
  '/fornax/v1/log/accept': { to: 'all', what: 'log-accept' },
};

/** First match counts; whatever nobody else owns is submission's, which answers 404 to what it does not know. */
const OWNERS: readonly (readonly [pattern: RegExp, service: Service])[] = [
  [/^\/tasks\/[^/]+\/snapshot(\/|$)/, 'snapshot'],
  [/^\/hardware-constraints(\/|$)/, 'node-registry'],
  [/^\/fornax\/v1\/nodes(\/|$)/, 'node-registry'],
  [/^\/fornax\/v1\/buckets(\/|$)/, 'storage'],
  [/^\/fornax\/v1\/billing(\/|$)/, 'billing'],
  [/^\/credits\/v1(\/|$)/, 'billing'],
  [/^\/carbon\/v1(\/|$)/, 'billing'],
  [/^\/fornax\/v1\/scheduling(\/|$)/, 'scheduler'],
  [/^\/fornax\/v1\/snapshots(\/|$)/, 'snapshot'],
  [/^\/fornax\/v1\/tasks\/[^/]+\/snapshots(\/|$)/, 'snapshot'],
  // Whoever keeps the objects archives the log in them.
  [/^\/fornax\/v1\/log\/archive(\/|$)/, 'storage'],
  // All services know all of it, and hear of what is decided; the scheduler alone may send a report again.
  [/^\/fornax\/v1\/log(\/|$)/, 'scheduler'],
];

const PROJECTION = /^\/fornax\/v1\/projections\/([^/]+)(\/|$)/;

/** Who owns a URL (architecture, section 1). Spelled as freely as the services allow it. */
export const routeOf = (url: string): Route => {
  const asSent = rewriteUrl(url).split('?', 1)[0] ?? '/';
  const path = asSent.toLowerCase();
  const own = OWN[path];
  if (own) return own;
  const projection = PROJECTION.exec(asSent.replace(/^\/[^/]+\/[^/]+\/[^/]+/, (start) => start.toLowerCase()))?.[1];
  if (projection !== undefined) return { to: 'owner-of-projection', name: decoded(projection) };
  return to(OWNERS.find(([pattern]) => pattern.test(path))?.[1] ?? 'submission');
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
