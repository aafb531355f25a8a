import { Alert, Button, Center, Stack, Text, Title } from '@mantine/core';
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { readAs } from './api/read-as.ts';
import { Shell } from './shell.tsx';
import {
  searchOfBilling,
  searchOfJob,
  searchOfJobs,
  searchOfPeople,
  searchOfPlatform,
  searchOfPool,
  searchOfSecrets,
} from './address/page-search.ts';
import { nothingElse, searchOfBucket, searchOfTask, searchOfTasks } from './address/search.ts';

const root = createRootRoute({
  component: Shell,
  // Each link says whom the page reads as, so that whoever is sent it sees the same.
  search: {
    middlewares: [({ search, next }) => ({ ...next(search), ...(readAs === undefined ? {} : { as: readAs }) })],
  },
});

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    // TanStack Router is told where to go by what is thrown.
    throw redirect({ to: '/tasks', replace: true });
  },
});

const tasks = createRoute({
  getParentRoute: () => root,
  path: '/tasks',
  validateSearch: nothingElse(searchOfTasks),
  component: lazyRouteComponent(() => import('./pages/tasks.tsx'), 'TasksPage'),
});

const task = createRoute({
  getParentRoute: () => root,
  path: '/tasks/$id',
  validateSearch: nothingElse(searchOfTask),
  component: lazyRouteComponent(() => import('./pages/task.tsx'), 'TaskPage'),
});

const overview = createRoute({
  getParentRoute: () => root,
  path: '/overview',
  component: lazyRouteComponent(() => import('./pages/overview.tsx'), 'OverviewPage'),
});

const nodes = createRoute({
  getParentRoute: () => root,
  path: '/nodes',
  component: lazyRouteComponent(() => import('./pages/nodes.tsx'), 'NodesPage'),
});

const buckets = createRoute({
  getParentRoute: () => root,
  path: '/buckets',
  component: lazyRouteComponent(() => import('./pages/buckets.tsx'), 'BucketsPage'),
});

const bucket = createRoute({
  getParentRoute: () => root,
  path: '/buckets/$name',
  validateSearch: nothingElse(searchOfBucket),
  component: lazyRouteComponent(() => import('./pages/bucket.tsx'), 'BucketPage'),
});

const submit = createRoute({
  getParentRoute: () => root,
  path: '/submit',
  component: lazyRouteComponent(() => import('./pages/submit.tsx'), 'SubmitPage'),
});

const billing = createRoute({
  getParentRoute: () => root,
  path: '/billing',
  validateSearch: nothingElse(searchOfBilling),
  component: lazyRouteComponent(() => import('./pages/billing.tsx'), 'BillingPage'),
});

const jobs = createRoute({
  getParentRoute: () => root,
  path: '/jobs',
  validateSearch: nothingElse(searchOfJobs),
  component: lazyRouteComponent(() => import('./pages/jobs.tsx'), 'JobsPage'),
});

const job = createRoute({
  getParentRoute: () => root,
  path: '/jobs/$id',
  validateSearch: nothingElse(searchOfJob),
  component: lazyRouteComponent(() => import('./pages/job.tsx'), 'JobPage'),
});

const pools = createRoute({
  getParentRoute: () => root,
  path: '/pools',
  component: lazyRouteComponent(() => import('./pages/pools.tsx'), 'PoolsPage'),
});

const pool = createRoute({
  getParentRoute: () => root,
  path: '/pools/$id',
  validateSearch: nothingElse(searchOfPool),
  component: lazyRouteComponent(() => import('./pages/pool.tsx'), 'PoolPage'),
});

const secrets = createRoute({
  getParentRoute: () => root,
  path: '/secrets',
  validateSearch: nothingElse(searchOfSecrets),
  component: lazyRouteComponent(() => import('./pages/secrets.tsx'), 'SecretsPage'),
});

const people = createRoute({
  getParentRoute: () => root,
  path: '/people',
  validateSearch: nothingElse(searchOfPeople),
  component: lazyRouteComponent(() => import('./pages/people.tsx'), 'PeoplePage'),
});

const webhooks = createRoute({
  getParentRoute: () => root,
  path: '/webhooks',
  component: lazyRouteComponent(() => import('./pages/webhooks.tsx'), 'WebhooksPage'),
});

const platform = createRoute({
  getParentRoute: () => root,
  path: '/platform',
  validateSearch: nothingElse(searchOfPlatform),
  component: lazyRouteComponent(() => import('./pages/platform.tsx'), 'PlatformPage'),
});

const NoSuchPage = (): ReactNode => (
  <Center p="xl">
    <Title order={1} size="h2">
      There is no such page
    </Title>
  </Center>
);

/** Tells that a page could not be shown, as after an update of the platform that its scripts are older than. */
const BrokenPage = ({ error }: { error: unknown }): ReactNode => (
  <Alert color="red" m="md" role="alert">
    <Stack align="flex-start" gap="xs">
      <Title order={1} size="h2">
        This page cannot be shown
      </Title>
      <Text size="sm">{error instanceof Error ? error.message : String(error)}</Text>
      <Button size="xs" variant="default" onClick={() => location.reload()}>
        Load it again
      </Button>
    </Stack>
  </Alert>
);

export const router = createRouter({
  routeTree: root.addChildren([
    ...[home, overview, tasks, task, submit, nodes, buckets, bucket],
    ...[billing, jobs, job, pools, pool, secrets, people, webhooks, platform],
  ]),
  basepath: '/ui',
  defaultPreload: 'intent',
  scrollRestoration: false,
  defaultErrorComponent: ({ error }) => <BrokenPage error={error} />,
  defaultNotFoundComponent: () => <NoSuchPage />,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
