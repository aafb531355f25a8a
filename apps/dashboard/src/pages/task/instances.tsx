import { Button, Select, Stack } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Task } from '../../api/wire.ts';
import { TASK } from '../../known/live-tasks.ts';
import type { Show, TaskSearch } from '../../address/search.ts';
import { Instant } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Empty, Failed, Waiting } from '../../parts/states.tsx';
import { InstanceMap } from './instance-map.tsx';

const STATES = ['waiting', 'dispatched', 'running', 'uploading', 'succeeded', 'failed', 'cancelled'] as const;
const PAGE = 100;

interface InstancesProps {
  readonly task: Task;
  readonly search: TaskSearch;
  readonly show: Show;
}

/** The instances of a task, as a map and as a table. */
export const Instances = ({ task, search, show }: InstancesProps): ReactNode => {
  const state = STATES.find((name) => name === search.show);
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: [TASK, task.uuid, 'instances', state],
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET('/fornax/v1/tasks/{id}/instances', {
          params: {
            path: { id: task.uuid },
            query: {
              limit: String(PAGE),
              ...(pageParam === undefined ? {} : { after: String(pageParam) }),
              ...(state === undefined ? {} : { state }),
            },
          },
        }),
      ),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ nextAfter }) => nextAfter ?? undefined,
  });
  const rows = data?.pages.flatMap((page) => page.data) ?? [];
  const open = (instance: number): void => show({ tab: 'output', instance });
  return (
    <Stack gap="md">
      <InstanceMap task={task} onOpen={open} />
      <Select
        label="State"
        placeholder="All"
        clearable
        clearButtonProps={{ 'aria-label': 'All states' }}
        w={180}
        data={[...STATES]}
        value={state ?? null}
        onChange={(value) => show({ show: value ?? undefined })}
      />
      {error !== null && <Failed error={error} />}
      {data === undefined && error === null && <Waiting />}
      {data !== undefined && rows.length === 0 && <Empty title="No instance is in this state" />}
      {rows.length > 0 && (
        <Rows
          minWidth={700}
          heads={['Instance', 'State', 'Attempt', 'Node', 'Started', 'Ended', 'Exit code', 'Peak memory', 'Why']}
          rows={rows}
          keyOf={({ instanceId }) => String(instanceId)}
          cells={(one) => [
            <Button
              key="open"
              size="compact-xs"
              variant="default"
              aria-label={`Output of instance ${one.instanceId}`}
              onClick={() => open(one.instanceId)}
            >
              {one.instanceId}
            </Button>,
            one.state,
            one.attempt,
            one.node ?? '–',
            <Instant key="started" at={one.startedAt} />,
            <Instant key="ended" at={one.endedAt} />,
            one.exitCode ?? '–',
            one.peakMemoryMB === null ? '–' : `${one.peakMemoryMB} MB`,
            one.error?.message ?? one.cause ?? '',
          ]}
        />
      )}
      {hasNextPage && (
        <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          More
        </Button>
      )}
    </Stack>
  );
};
