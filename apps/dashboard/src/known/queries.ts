import { QueryCache, QueryClient } from '@tanstack/react-query';
import { Refused } from '../api/client.ts';
import { reach } from '../api/reach.ts';

export const ME = ['me'] as const;

/** What was asked for and is known. A lost connection is tried again; a refusal is an answer. */
export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, { queryKey }) => {
      // The session is over: who it was is asked again, and the page shows where to sign in.
      if (error instanceof Refused && error.status === 401 && queryKey[0] !== ME[0])
        void queries.invalidateQueries({ queryKey: ME });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) => !(error instanceof Refused && error.status < 500) && failures < 3,
    },
  },
});

// What is shown may be from before the platform was gone, and what was asked for meanwhile may never be answered: all is asked for again.
reach.watch(() => {
  if (reach.isAnswering()) void queries.cancelQueries().then(() => queries.invalidateQueries());
});

/** Projects of which the reader sees everybody's tasks. */
export const SHARED_PROJECTS = ['shared-projects'];
/** Everybody's tasks in a project; its members. */
export const PROJECT_TASKS = 'project-tasks';
export const MEMBERS = 'members';
