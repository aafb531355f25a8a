import { Card, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { STATE_GROUPS, type StateGroup } from '../address/search.ts';
import { readScheduling } from '../api/fleet.ts';
import { countTasks } from '../api/tasks.ts';
import { useMe } from '../known/me.tsx';
import { count } from '../parts/format.tsx';
import { Failed, Waiting } from '../parts/states.tsx';

const NAMES: Readonly<Record<StateGroup, string>> = {
  waiting: 'Waiting',
  running: 'Running',
  success: 'Succeeded',
  failure: 'Failed',
  cancelled: 'Cancelled',
};

const Figure = ({ name, value }: { readonly name: string; readonly value: string }): ReactNode => (
  <Card withBorder>
    <Text size="sm" c="dimmed">
      {name}
    </Text>
    <Text size="xl" fw={700}>
      {value}
    </Text>
  </Card>
);

/** Cores and memory of all nodes together. */
const Fleet = (): ReactNode => {
  const isOperator = useMe().role === 'operator';
  const { data } = useQuery({
    queryKey: ['scheduling'],
    queryFn: readScheduling,
    refetchInterval: 2_000,
    enabled: isOperator,
  });
  if (data === undefined) return null;
  const { nodes } = data;
  const sum = (pick: (node: (typeof nodes)[number]) => number): string =>
    count(nodes.reduce((total, node) => total + pick(node), 0));
  const figures = [
    ['Instances that wait', count(data.waitingInstances)],
    ['Instances on nodes', count(data.leases)],
    ['Cores in use', `${sum(({ usedCores }) => usedCores)} of ${sum(({ cores }) => cores)}`],
    ['Memory in use', `${sum(({ usedMemoryMB }) => usedMemoryMB)} of ${sum(({ memoryMB }) => memoryMB)} MB`],
  ] as const;
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Fleet
      </Title>
      <SimpleGrid cols={{ base: 2, md: 4 }}>
        {figures.map(([name, value]) => (
          <Link key={name} to="/nodes" className="figure">
            <Figure name={name} value={value} />
          </Link>
        ))}
      </SimpleGrid>
    </Stack>
  );
};

/** What runs, what waits, and how much of the fleet is in use; each figure leads to what it counts. */
export const OverviewPage = (): ReactNode => {
  const counts = useQueries({
    queries: STATE_GROUPS.map((state) => ({
      queryKey: ['task-counts', state],
      queryFn: () => countTasks({ state }),
      refetchInterval: 5_000,
    })),
  });
  const error = counts.find((one) => one.error !== null)?.error;
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">
        Overview
      </Title>
      {error !== undefined && error !== null && <Failed error={error} />}
      {counts.every(({ data }) => data === undefined) && error === undefined && <Waiting />}
      <Stack gap="xs">
        <Title order={2} size="h4">
          Tasks
        </Title>
        <SimpleGrid cols={{ base: 2, md: 5 }}>
          {STATE_GROUPS.map((state, index) => {
            const total = counts[index]?.data;
            return (
              <Link key={state} to="/tasks" search={{ state }} className="figure">
                <Figure name={NAMES[state]} value={total === undefined ? '–' : count(total)} />
              </Link>
            );
          })}
        </SimpleGrid>
      </Stack>
      <Fleet />
    </Stack>
  );
};
