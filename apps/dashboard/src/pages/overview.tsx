import { Card, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { STATE_GROUPS, type StateGroup } from '../address/search.ts';
import { readSpent } from '../api/billing.ts';
import { readScheduling } from '../api/fleet.ts';
import { MOST_LOOKED_AT, readFailures, readWaiting, type Group } from '../api/overview.ts';
import { readProjections } from '../api/platform.ts';
import { countTasks } from '../api/tasks.ts';
import { useMe } from '../known/me.tsx';
import { Answered } from '../parts/answered.tsx';
import { count } from '../parts/format.tsx';
import { microsOf, moneyText } from '../parts/money.ts';
import { Failed, Waiting } from '../parts/states.tsx';

const NAMES: Readonly<Record<StateGroup, string>> = {
  waiting: 'Waiting',
  running: 'Running',
  success: 'Succeeded',
  failure: 'Failed',
  cancelled: 'Cancelled',
};

const HOUR_MS = 3_600_000;

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

/** Figures under a heading. */
const Part = ({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode => (
  <Stack gap="xs" component="section" aria-label={title}>
    <Title order={2} size="h4">
      {title}
    </Title>
    <SimpleGrid cols={{ base: 2, md: 4 }}>{children}</SimpleGrid>
  </Stack>
);

/** Cores and memory of all nodes together, and how far behind what is shown may be: operators see both. */
const Fleet = (): ReactNode => {
  const { data } = useQuery({ queryKey: ['scheduling'], queryFn: readScheduling, refetchInterval: 2_000 });
  const { data: projections } = useQuery({
    queryKey: ['projections'],
    queryFn: readProjections,
    refetchInterval: 5_000,
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
    <Part title="Fleet">
      {figures.map(([name, value]) => (
        <Link key={name} to="/nodes" className="figure">
          <Figure name={name} value={value} />
        </Link>
      ))}
      {projections !== undefined && (
        <Link to="/platform" search={{ tab: 'projections' }} className="figure">
          <Figure
            name="Read models behind the log"
            value={`${count(Math.max(0, ...projections.map(({ lag }) => lag)))} commits`}
          />
        </Link>
      )}
    </Part>
  );
};

interface GroupsProps {
  readonly title: string;
  readonly queryKey: string;
  readonly read: () => Promise<readonly Group[]>;
  readonly none: string;
}

/** Tasks by what they have in common; each figure leads to those that it counts. */
const Groups = ({ title, queryKey, read, none }: GroupsProps): ReactNode => {
  const query = useQuery({ queryKey: ['overview', queryKey], queryFn: read, refetchInterval: 15_000 });
  return (
    <Stack gap="xs" component="section" aria-label={title}>
      <Title order={2} size="h4">
        {title}
      </Title>
      <Answered query={query}>
        {(groups) =>
          groups.length === 0 ? (
            <Text size="sm">{none}</Text>
          ) : (
            <>
              <SimpleGrid cols={{ base: 2, md: 4 }}>
                {groups.map(({ name, ids }) => (
                  <Link key={name} to="/tasks" search={{ ids: ids.join(',') }} className="figure">
                    <Figure name={name} value={count(ids.length)} />
                  </Link>
                ))}
              </SimpleGrid>
              {groups.reduce((sum, { ids }) => sum + ids.length, 0) >= MOST_LOOKED_AT && (
                <Text size="sm" c="dimmed">
                  Of the newest {MOST_LOOKED_AT}.
                </Text>
              )}
            </>
          )
        }
      </Answered>
    </Stack>
  );
};

/** What the last hour, and the last day, came to. */
const Spent = (): ReactNode => {
  const query = useQuery({
    queryKey: ['overview', 'spent'],
    queryFn: async () => {
      const now = Date.now();
      const since = (ms: number) => readSpent(new Date(now - ms), new Date(now));
      const [hour, day] = await Promise.all([since(HOUR_MS), since(24 * HOUR_MS)]);
      return { hour, day };
    },
    refetchInterval: 60_000,
  });
  if (query.data === undefined) return null;
  const { hour, day } = query.data;
  const figures = [
    ['Spent on what began in the last hour', moneyText(microsOf(hour.total.amount), hour.currency)],
    ['An hour, by the last day', moneyText(microsOf(day.total.amount) / 24n, day.currency)],
    ['Attempts in the last hour', count(hour.total.attempts)],
    ['Of them, failed', count(hour.total.failures)],
  ] as const;
  return (
    <Part title="Use">
      {figures.map(([name, value]) => (
        <Link key={name} to="/billing" search={{ by: 'task' }} className="figure">
          <Figure name={name} value={value} />
        </Link>
      ))}
    </Part>
  );
};

/** What runs, what waits and why, what failed of what, and how much of the fleet is in use; each figure leads to what it counts. */
export const OverviewPage = (): ReactNode => {
  const isOperator = useMe().role === 'operator';
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
      <Groups title="Why they wait" queryKey="waiting" read={readWaiting} none="Nothing waits." />
      <Groups title="What failed" queryKey="failures" read={readFailures} none="Nothing has failed." />
      <Spent />
      {isOperator && <Fleet />}
    </Stack>
  );
};
