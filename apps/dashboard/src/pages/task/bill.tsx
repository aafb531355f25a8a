import { Button, Stack, Table, Text, Title } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Show } from '../../address/search.ts';
import type { Task } from '../../api/wire.ts';
import { TASK } from '../../known/live-tasks.ts';
import { count, duration, euros, Instant } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Facts, Failed, Waiting } from '../../parts/states.tsx';

const NO_FORECAST: Readonly<Record<string, string>> = {
  over: 'nothing more is to come',
  'in-pool': 'its pool is paid for, not the task',
  'unknown-length': 'nobody knows yet how long its instances take',
};

const PAGE = 100;

/** What each attempt has cost, with what it was counted by and where that stands in the log. */
const Lines = ({ task, show }: { readonly task: Task; readonly show: Show }): ReactNode => {
  const { data, error, hasNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: [TASK, task.uuid, 'lines'],
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET('/fornax/v1/billing/tasks/{id}/lines', {
          params: { path: { id: task.uuid }, query: { offset: pageParam, limit: PAGE } },
        }),
      ),
    initialPageParam: 0,
    getNextPageParam: ({ lines }, pages) => (lines.length < PAGE ? undefined : pages.length * PAGE),
  });
  if (error !== null) return <Failed error={error} />;
  const lines = data?.pages.flatMap((page) => page.lines) ?? [];
  if (lines.length === 0) return null;
  return (
    <Stack gap="xs" align="flex-start">
      <Title order={2} size="h4">
        What it is made of
      </Title>
      <Rows
        minWidth={900}
        label="Lines of the bill"
        heads={['Instance', 'Attempt', 'Node', 'Ended', 'Billed', 'Cores', 'Memory', 'Price', 'By', 'Event']}
        rows={lines}
        keyOf={({ commitId, instance, attempt, corrects }) => `${commitId} ${instance} ${attempt} ${corrects ?? ''}`}
        cells={(line) => [
          line.instance,
          line.corrects === null ? line.attempt : `${line.attempt}, corrected`,
          line.node,
          <Instant key="ended" at={line.endedAt} />,
          duration(line.billedMs),
          line.cores,
          `${count(line.memoryMB)} MB`,
          euros(line.amountMicros),
          <span key="by" title={`${line.rule}, price list ${line.priceListVersion}`}>
            {line.plan}
          </span>,
          <Button
            key="event"
            size="compact-xs"
            variant="default"
            aria-label={`Show the task as of ${line.sequence}, when instance ${line.instance} was billed`}
            onClick={() => show({ asOf: String(line.sequence), tab: 'about' })}
          >
            {line.sequence}
          </Button>,
        ]}
      />
      {hasNextPage && (
        <Button variant="default" onClick={() => void fetchNextPage()}>
          More
        </Button>
      )}
    </Stack>
  );
};

/** What a task has cost, what it will cost, and what it would have cost under other plans. */
export const Bill = ({ task, show }: { readonly task: Task; readonly show: Show }): ReactNode => {
  const { data, error } = useQuery({
    queryKey: [TASK, task.uuid, 'cost'],
    queryFn: () => bodyOf(api.GET('/fornax/v1/billing/tasks/{id}/cost', { params: { path: { id: task.uuid } } })),
    refetchInterval: 5_000,
  });
  if (error !== null) return <Failed error={error} />;
  if (data === undefined) return <Waiting />;
  const { forecast, noForecast } = data;
  const coming =
    forecast === null
      ? (NO_FORECAST[noForecast ?? ''] ?? 'not known')
      : `${euros(forecast.lowMicros)} to ${euros(forecast.highMicros)}`;
  return (
    <Stack gap="lg">
      <Facts
        facts={[
          ['So far', euros(data.totalMicros)],
          ['Of it, what runs', euros(data.running.micros)],
          ['Attempts that are over', data.finished],
          ['In the end', coming],
          ['Plan', data.plan],
        ]}
      />
      <Stack gap="xs">
        <Title order={2} size="h4">
          What it would have cost
        </Title>
        <Table maw={500}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Plan</Table.Th>
              <Table.Th>Hardware</Table.Th>
              <Table.Th>Price</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.whatIf.map(({ plan, hardware, micros, isOwn }) => (
              <Table.Tr key={`${plan} ${hardware}`}>
                <Table.Td>
                  <Text inherit fw={isOwn ? 700 : 400}>
                    {plan}
                  </Text>
                </Table.Td>
                <Table.Td>{hardware === null ? 'as it was' : hardware || 'any other'}</Table.Td>
                <Table.Td>{micros === null ? '–' : euros(micros)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Stack>
      <Lines task={task} show={show} />
    </Stack>
  );
};
