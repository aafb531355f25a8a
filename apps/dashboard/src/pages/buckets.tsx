import { Stack, Table, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../api/client.ts';
import { bytes, count, Instant } from '../parts/format.tsx';
import { Empty, Failed, Waiting } from '../parts/states.tsx';

/** Buckets that may be seen, with what is in them. */
export const BucketsPage = (): ReactNode => {
  const { data, error, refetch } = useQuery({
    queryKey: ['buckets'],
    queryFn: () => bodyOf(api.GET('/fornax/v1/buckets')),
  });
  return (
    <Stack>
      <Title order={1} size="h2">
        Buckets
      </Title>
      {error !== null && <Failed error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Waiting />}
      {data?.length === 0 && <Empty title="There are no buckets yet" />}
      {data !== undefined && data.length > 0 && (
        <Table.ScrollContainer minWidth={600}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                {['Name', 'Objects', 'Size', 'Access', 'Owner', 'Made'].map((name) => (
                  <Table.Th key={name}>{name}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.map((bucket) => (
                <Table.Tr key={bucket.name}>
                  <Table.Td>{bucket.name}</Table.Td>
                  <Table.Td>{count(bucket.objects)}</Table.Td>
                  <Table.Td>{bytes(bucket.bytes)}</Table.Td>
                  <Table.Td>{bucket.access}</Table.Td>
                  <Table.Td>{bucket.owner?.name ?? '–'}</Table.Td>
                  <Table.Td>
                    <Instant at={bucket.createdAt} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  );
};
