import { Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Task } from '../../api/wire.ts';
import { TASK } from '../../known/live-tasks.ts';
import { euros } from '../../parts/format.tsx';
import { Facts, Failed, Waiting } from '../../parts/states.tsx';

const NO_FORECAST: Readonly<Record<string, string>> = {
  over: 'nothing more is to come',
  'in-pool': 'its pool is paid for, not the task',
  'unknown-length': 'nobody knows yet how long its instances take',
};

/** What a task has cost, what it will cost, and what it would have cost under other plans. */
export const Bill = ({ task }: { readonly task: Task }): ReactNode => {
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
    </Stack>
  );
};
