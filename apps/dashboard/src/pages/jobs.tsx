import { Button, Group, Select, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { readJobPage, type JobPage } from '../api/jobs.ts';
import { JOB_STATES, type JobsSearch } from '../address/page-search.ts';
import { count, Instant } from '../parts/format.tsx';
import { Rows } from '../parts/rows.tsx';
import { Empty, Failed, Waiting } from '../parts/states.tsx';

const route = getRouteApi('/jobs');

/** Jobs, newest first. */
export const JobsPage = (): ReactNode => {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = (changed: { readonly [K in keyof JobsSearch]: JobsSearch[K] | undefined }): void =>
    void navigate({ search: (before) => ({ ...before, ...changed }) as JobsSearch, replace: true });
  const nameLater = useDebouncedCallback((name: string) => change({ name: name === '' ? undefined : name }), 300);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['jobs', search],
    queryFn: ({ pageParam }) => readJobPage(search, pageParam),
    initialPageParam: '',
    getNextPageParam: ({ nextToken }: JobPage) => nextToken ?? undefined,
    refetchInterval: 5_000,
  });
  const jobs = data?.pages.flatMap((page) => page.data) ?? [];
  const total = data?.pages.at(-1)?.total ?? 0;
  const isFiltered = search.state !== undefined || search.name !== undefined;
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">
          Jobs
        </Title>
        <Text size="sm" c="dimmed" role="status">
          {data === undefined ? '' : `${count(total)} ${total === 1 ? 'job' : 'jobs'}`}
        </Text>
      </Group>
      <Group align="flex-end">
        <TextInput
          label="Name begins with"
          defaultValue={search.name ?? ''}
          onChange={(event) => nameLater(event.currentTarget.value)}
        />
        <Select
          label="State"
          placeholder="All"
          clearable
          clearButtonProps={{ 'aria-label': 'All states' }}
          data={[...JOB_STATES]}
          value={search.state ?? null}
          onChange={(value) => change({ state: JOB_STATES.find((name) => name === value) })}
        />
      </Group>
      {error !== null && <Failed error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Waiting />}
      {data !== undefined && jobs.length === 0 && (
        <Empty title={isFiltered ? 'No job is like this' : 'There are no jobs yet'}>
          <Text size="sm">
            Tasks that wait for each other are submitted as one: <code>fornax job submit</code>
          </Text>
        </Empty>
      )}
      {jobs.length > 0 && (
        <Rows
          minWidth={600}
          label="Jobs"
          heads={['Name', 'State', 'Tags', 'Made']}
          rows={jobs}
          keyOf={({ uuid }) => uuid}
          cells={(job) => [
            <Link key="name" to="/jobs/$id" params={{ id: job.uuid }}>
              {job.name || job.shortname}
            </Link>,
            job.state,
            job.tags.join(', '),
            <Instant key="at" at={job.creationDate} />,
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
