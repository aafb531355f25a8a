import { Alert, Badge, Button, Progress, Stack, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { readRights, readTask } from '../api/tasks.ts';
import type { Task } from '../api/wire.ts';
import { TASK, useLiveTasks } from '../known/live-tasks.ts';
import { TABS, type Show, type Tab, type TaskSearch } from '../address/search.ts';
import { OwnedHeading } from '../parts/owned-heading.tsx';
import { FailedPage, isOver, StateBadge, Waiting } from '../parts/states.tsx';

import { AboutTask } from './task/about.tsx';
import { Bill } from './task/bill.tsx';
import { AsCode } from './task/as-code.tsx';
import { TaskFiles } from './task/files.tsx';
import { History } from './task/history.tsx';
import { Instances } from './task/instances.tsx';
import { Output } from './task/output.tsx';
import { TimeSlider } from './task/time-slider.tsx';
import { TaskActions } from './task/task-actions.tsx';

const route = getRouteApi('/tasks/$id');

const LABELS: Readonly<Record<Tab, string>> = {
  about: 'About',
  instances: 'Instances',
  attempts: 'Attempts',
  output: 'Output',
  files: 'Files',
  history: 'History',
  bill: 'Bill',
  code: 'As code',
};

/** Its drawing is loaded where it is looked at. */
const Attempts = lazy(async () => ({ default: (await import('./task/attempts.tsx')).Attempts }));

/** While something runs, what it uses is read again: that is told beside the events. */
const LOOK_MS = 2_000;
/** Where nothing runs any more, and no events are followed: somebody may have it run again. */
const LOOK_RARELY_MS = 10_000;

const Content = ({ tab, task, search, show }: { tab: Tab; task: Task; search: TaskSearch; show: Show }): ReactNode => {
  switch (tab) {
    case 'about':
      return <AboutTask task={task} asOf={search.asOf} />;
    case 'instances':
      return <Instances task={task} search={search} show={show} />;
    case 'attempts':
      return (
        <Suspense fallback={<Waiting />}>
          <Attempts task={task} search={search} show={show} />
        </Suspense>
      );
    case 'output':
      return <Output key={`${search.stream} ${search.instance}`} task={task} search={search} show={show} />;
    case 'files':
      return <TaskFiles task={task} />;
    case 'history':
      return <History task={task} show={show} />;
    case 'bill':
      return <Bill task={task} show={show} />;
    case 'code':
      return <AsCode task={task} />;
  }
};

/** One task: all that is known of it. */
export const TaskPage = (): ReactNode => {
  const { id } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { asOf, tab = 'about' } = search;
  // Where output is shown, that is the one stream: all tabs of a browser share six connections where they speak HTTP/1.1.
  const isFollowed = tab !== 'output';
  const isLive = useLiveTasks({ task: id, isFollowed });
  const { data, error, refetch, isPlaceholderData } = useQuery({
    queryKey: [TASK, id, asOf],
    // What is there stays until another moment is read, or the slider would lose the keyboard with each step.
    placeholderData: (before, query) => (query?.queryKey[1] === id ? before : undefined),
    queryFn: () => readTask(id, asOf),
    refetchInterval: ({ state }) => {
      if (asOf !== undefined || state.data === undefined) return false;
      if (!isOver(state.data.state)) return LOOK_MS;
      return isFollowed ? false : LOOK_RARELY_MS;
    },
  });
  const rights = useQuery({ queryKey: [TASK, id, 'rights'], queryFn: () => readRights(id) });
  const show: Show = (change) =>
    void navigate({ search: (before) => ({ ...before, ...change }) as TaskSearch, replace: 'find' in change });
  if (error !== null && data === undefined) return <FailedPage error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Waiting />;
  return (
    <Stack gap="sm" aria-busy={isPlaceholderData} opacity={isPlaceholderData ? 0.6 : 1}>
      <OwnedHeading
        uuid={data.uuid}
        name={data.name}
        badges={
          <>
            <StateBadge state={data.state} />
            {data.tags.map((tag) => (
              <Badge key={tag} variant="outline" color="gray" tt="none" maw="100%" title={tag}>
                {tag}
              </Badge>
            ))}
          </>
        }
        note={isLive === false ? ' · not live: the connection is lost' : ''}
        rights={rights}
        actions={(may) => asOf === undefined && <TaskActions task={data} rights={may} />}
      />
      {asOf !== undefined && (
        <Alert color="yellow" title={`This is how the task stood at ${asOf} of the log`}>
          <Button size="xs" variant="default" onClick={() => show({ asOf: undefined })}>
            Show it as it is now
          </Button>
        </Alert>
      )}
      <TimeSlider id={id} asOf={asOf} show={show} />
      {!isOver(data.state) && <Progress value={data.progress} aria-label={`${data.progress} % done`} />}
      <Tabs value={tab} onChange={(value) => show({ tab: TABS.find((name) => name === value) })}>
        <Tabs.List>
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {LABELS[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          <Content tab={tab} task={data} search={search} show={show} />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
};
