import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Task } from '../../api/wire.ts';
import { TASK } from '../../known/live-tasks.ts';
import type { Show, TaskSearch } from '../../address/search.ts';
import { Instant } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Empty, Failed, Waiting } from '../../parts/states.tsx';
import { MAP_COLORS } from '../../parts/map-scale.ts';
import { rangesOf } from '../../parts/ranges.ts';
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
  const { chosen, color = 'state' } = search;
  const ranges = rangesOf(chosen ?? '');
  // What comes before the first one that is chosen is not asked for.
  const least = Math.min(...ranges.map(([first]) => first)) - 1;
  const most = Math.max(...ranges.map(([, last]) => last));
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: [TASK, task.uuid, 'instances', state, least],
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
    initialPageParam: ranges.length > 0 && least >= 0 ? least : undefined,
    getNextPageParam: ({ nextAfter }) =>
      nextAfter !== null && (ranges.length === 0 || nextAfter < most) ? nextAfter : undefined,
  });
  const rows = (data?.pages.flatMap((page) => page.data) ?? []).filter(
    ({ instanceId }) =>
      ranges.length === 0 || ranges.some(([first, last]) => instanceId >= first && instanceId <= last),
  );
  const [typed, setTyped] = useState(chosen ?? '');
  useEffect(() => setTyped(chosen ?? ''), [chosen]);
  const chooseLater = useDebouncedCallback((text: string) => show({ chosen: text.trim() || undefined }), 400);
  const open = (instance: number): void => show({ tab: 'output', instance });
  return (
    <Stack gap="md">
      <InstanceMap
        task={task}
        color={color}
        chosen={chosen}
        onOpen={open}
        onChoose={(named) => show({ chosen: named })}
      />
      <Group align="flex-end">
        <Select
          label="Colored by"
          w={160}
          allowDeselect={false}
          data={[...MAP_COLORS]}
          value={color}
          onChange={(value) => show({ color: MAP_COLORS.find((name) => name === value) })}
        />
        <TextInput
          label="Chosen"
          placeholder="0-2,17"
          w={180}
          value={typed}
          error={chosen !== undefined && ranges.length === 0 ? 'Numbers and ranges, such as 0-2,17' : undefined}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            chooseLater(event.currentTarget.value);
          }}
        />
        {chosen !== undefined && (
          <Button variant="default" onClick={() => show({ chosen: undefined })}>
            Show all
          </Button>
        )}
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
      </Group>
      {error !== null && <Failed error={error} />}
      {data === undefined && error === null && <Waiting />}
      {data !== undefined && rows.length === 0 && <Empty title="No instance is like this" />}
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
