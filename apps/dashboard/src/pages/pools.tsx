import { Button, Stack, Text, Title } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { readPoolPage, type PoolPage } from '../api/pools.ts';
import { count, Instant } from '../parts/format.tsx';
import { Rows } from '../parts/rows.tsx';
import { Empty, Failed, Waiting } from '../parts/states.tsx';

/** Pools, newest first. */
export const PoolsPage = (): ReactNode => {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['pools'],
    queryFn: ({ pageParam }) => readPoolPage(pageParam),
    initialPageParam: '',
    getNextPageParam: ({ nextToken }: PoolPage) => nextToken ?? undefined,
    refetchInterval: 5_000,
  });
  const pools = data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Stack>
      <Title order={1} size="h2">
        Pools
      </Title>
      {error !== null && <Failed error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Waiting />}
      {data !== undefined && pools.length === 0 && (
        <Empty title="There are no pools yet">
          <Text size="sm">
            Slots that are kept ready for tasks are made by <code>fornax pool create</code>
          </Text>
        </Empty>
      )}
      {pools.length > 0 && (
        <Rows
          minWidth={640}
          label="Pools"
          heads={['Name', 'State', 'Profile', 'Slots', 'Wanted', 'Instances in it', 'Made']}
          rows={pools}
          keyOf={({ uuid }) => uuid}
          cells={(pool) => [
            <Link key="name" to="/pools/$id" params={{ id: pool.uuid }}>
              {pool.name || pool.shortname}
            </Link>,
            pool.state,
            pool.profile,
            count(pool.runningInstanceCount),
            count(pool.targetRunningInstanceCount),
            count(pool.queuedOrRunningTaskInstancesCount),
            <Instant key="at" at={pool.creationDate} />,
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
