import { Button, Stack, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Task } from '../../api/wire.ts';
import { TASK } from '../../known/live-tasks.ts';
import type { Show } from '../../address/search.ts';
import { readRights } from '../../api/tasks.ts';
import { useActorNames } from '../../known/actor-names.ts';
import { Instant } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Failed, Waiting } from '../../parts/states.tsx';

const PAGE = 100;

/** Everything that happened to a task: when, who, why. Each line leads to the task as it stood then. */
export const History = ({ task, show }: { readonly task: Task; readonly show: Show }): ReactNode => {
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: [TASK, task.uuid, 'events'],
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET('/fornax/v1/tasks/{id}/events', {
          params: { path: { id: task.uuid }, query: { after: pageParam, limit: PAGE } },
        }),
      ),
    initialPageParam: 0,
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const rights = useQuery({ queryKey: [TASK, task.uuid, 'rights'], queryFn: () => readRights(task.uuid) }).data;
  const nameOf = useActorNames({ rights, project: task.projectUuid });
  if (error !== null) return <Failed error={error} />;
  if (data === undefined) return <Waiting />;
  return (
    <Stack gap="sm" align="flex-start">
      <Rows
        minWidth={500}
        label="Events"
        heads={['When', 'What', 'Who', 'Why', 'State']}
        rows={data.pages.flatMap(({ events }) => events)}
        keyOf={({ id }) => id}
        cells={({ at, type, actor, reason, sequence }) => [
          <Instant key="at" at={at} />,
          type,
          <Text key="actor" size="sm" miw={140} title={actor}>
            {nameOf(actor)}
          </Text>,
          reason ?? '',
          <Button
            key="as-of"
            size="compact-xs"
            variant="default"
            aria-label={`Show the task as of ${sequence}`}
            onClick={() => show({ asOf: String(sequence), tab: 'about' })}
          >
            as of {sequence}
          </Button>,
        ]}
      />
      {hasNextPage && (
        <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          More
        </Button>
      )}
    </Stack>
  );
};
