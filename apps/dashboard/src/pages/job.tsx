import { Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { deleteJob, endJob, readGraph, readJob, readJobRights, stateIn, type Job, type JobGraph } from '../api/jobs.ts';
import { Answered } from '../parts/answered.tsx';
import { AskAction } from '../parts/ask-action.tsx';
import { count, Instant, Lasting } from '../parts/format.tsx';
import { OwnedHeading } from '../parts/owned-heading.tsx';
import { Rows } from '../parts/rows.tsx';
import { Empty, Facts, FailedPage, isOver, StateBadge, Waiting } from '../parts/states.tsx';

const route = getRouteApi('/jobs/$id');

/** The graph is by far the largest part of the page, and not always looked at. */
const Graph = lazy(async () => ({ default: (await import('./job/graph.tsx')).Graph }));

/** Beyond it a drawing helps nobody; the table has all. */
const MOST_DRAWN = 1_000;

const dependsOn = ({ dependencies, tasks }: JobGraph, uuid: string): string => {
  const names = new Map(tasks.map((task) => [task.uuid, task.name]));
  return dependencies
    .filter(({ to }) => to === uuid)
    .map(({ from, on, each }) => `${names.get(from) ?? from} (${on.join(' or ')}${each ? ', each' : ''})`)
    .join(', ');
};

const TaskTable = ({ graph }: { readonly graph: JobGraph }): ReactNode => (
  <Rows
    minWidth={700}
    label="Tasks of the job"
    heads={['Task', 'State', 'On the critical path', 'After', 'Lasts']}
    rows={graph.tasks}
    keyOf={({ uuid }) => uuid}
    cells={(task) => [
      <Link key="name" to="/tasks/$id" params={{ id: task.uuid }}>
        {task.name}
      </Link>,
      <StateBadge key="state" state={stateIn(task)} />,
      task.isCritical ? 'yes' : '',
      dependsOn(graph, task.uuid),
      <Lasting
        key="for"
        from={task.creationDate}
        to={isOver(stateIn(task)) ? (task.endDate ?? undefined) : undefined}
      />,
    ]}
  />
);

const JobActions = ({ job: { uuid, state } }: { readonly job: Job }): ReactNode => {
  const navigate = useNavigate();
  return (
    <Group gap="xs">
      {state === 'Active' && (
        <AskAction
          label="End"
          question="End this job?"
          detail="What has not ended of its tasks is cancelled."
          run={() => endJob(uuid)}
          queryKey={['job', uuid]}
        />
      )}
      {state === 'Completed' && (
        <AskAction
          label="Delete"
          question="Delete this job?"
          detail="Its tasks stay."
          run={() => deleteJob(uuid)}
          queryKey={['jobs']}
          onDone={() => void navigate({ to: '/jobs' })}
        />
      )}
    </Group>
  );
};

const JobFacts = ({ job, graph }: { readonly job: Job; readonly graph: JobGraph }): ReactNode => (
  <Facts
    facts={[
      ['State', job.state],
      ['Tasks', count(graph.tasks.length)],
      ['Over', count(graph.tasks.filter((task) => isOver(stateIn(task))).length)],
      ['On the critical path', count(graph.criticalPath.length)],
      ['Made', <Instant key="made" at={job.creationDate} />],
      ['Expected to end', graph.expectedEnd === null ? '–' : <Instant key="end" at={graph.expectedEnd} />],
      ['At most', job.maxWallTime ?? 'no limit'],
    ]}
  />
);

/** One job: its tasks, what they wait for, and which of them decide when it ends. */
export const JobPage = (): ReactNode => {
  const { id } = route.useParams();
  const { view } = route.useSearch();
  const navigate = route.useNavigate();
  const rights = useQuery({ queryKey: ['job', id, 'rights'], queryFn: () => readJobRights(id) });
  const job = useQuery({ queryKey: ['job', id], queryFn: () => readJob(id), refetchInterval: 2_000 });
  const graph = useQuery({
    queryKey: ['job', id, 'graph'],
    queryFn: () => readGraph(id),
    refetchInterval: ({ state }) =>
      state.data?.tasks.every((task) => isOver(stateIn(task))) === true && job.data?.state === 'Completed'
        ? false
        : 2_000,
  });
  const isSmall = window.matchMedia('(max-width: 48em)').matches;
  const isLarge = (graph.data?.tasks.length ?? 0) > MOST_DRAWN;
  const shown = isLarge ? 'table' : (view ?? (isSmall ? 'table' : 'graph'));
  if (job.error !== null && job.data === undefined)
    return <FailedPage error={job.error} onRetry={() => void job.refetch()} />;
  if (job.data === undefined) return <Waiting />;
  const { data } = job;
  return (
    <Stack>
      <OwnedHeading
        uuid={data.uuid}
        name={data.name || data.shortname}
        rights={rights}
        actions={() => <JobActions job={data} />}
      />
      <Answered query={graph}>
        {(known) => (
          <>
            <JobFacts job={data} graph={known} />
            {known.tasks.length === 0 && <Empty title="No task was submitted into this job yet" />}
            {known.tasks.length > 0 && (
              <>
                <SegmentedControl
                  aria-label="Shown as"
                  w={200}
                  disabled={isLarge}
                  value={shown}
                  data={[
                    { value: 'graph', label: 'Graph' },
                    { value: 'table', label: 'Table' },
                  ]}
                  onChange={(value) => void navigate({ search: { view: value === 'table' ? 'table' : 'graph' } })}
                />
                {isLarge && (
                  <Text size="sm">
                    A job of more than {count(MOST_DRAWN)} tasks is shown as a table;{' '}
                    <code>fornax job graph --dot</code> writes its graph.
                  </Text>
                )}
                {shown === 'graph' ? (
                  <Suspense fallback={<Waiting />}>
                    <Graph graph={known} />
                  </Suspense>
                ) : (
                  <TaskTable graph={known} />
                )}
              </>
            )}
          </>
        )}
      </Answered>
    </Stack>
  );
};
