import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { Empty } from './parts/states.tsx';
import { Shell } from './shell.tsx';
import { searchOfBucket, searchOfTask, searchOfTasks } from './address/search.ts';

const root = createRootRoute({ component: Shell });

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
  validateSearch: searchOfTasks,
  component: lazyRouteComponent(() => import('./pages/tasks.tsx'), 'TasksPage'),
});

const task = createRoute({
  getParentRoute: () => root,
  path: '/tasks/$id',
  validateSearch: searchOfTask,
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
  validateSearch: searchOfBucket,
  component: lazyRouteComponent(() => import('./pages/bucket.tsx'), 'BucketPage'),
});

const submit = createRoute({
  getParentRoute: () => root,
  path: '/submit',
  component: lazyRouteComponent(() => import('./pages/submit.tsx'), 'SubmitPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([home, overview, tasks, task, submit, nodes, buckets, bucket]),
  basepath: '/ui',
  defaultPreload: 'intent',
  scrollRestoration: false,
  defaultNotFoundComponent: () => <Empty title="There is no such page" />,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
