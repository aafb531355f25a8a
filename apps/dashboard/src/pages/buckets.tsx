import { Button, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { makeBucket } from '../api/files.ts';
import { BUCKETS } from '../known/buckets.ts';
import { useMayWrite } from '../known/me.tsx';
import { bytes, count, Instant } from '../parts/format.tsx';
import { Empty, Failed, Waiting } from '../parts/states.tsx';
import { Scrolled } from '../parts/scrolled.tsx';

const NewBucket = (): ReactNode => {
  const [name, setName] = useState('');
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => makeBucket(name.trim()),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: BUCKETS.queryKey });
      await navigate({ to: '/buckets/$name', params: { name: name.trim() } });
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        mutate();
      }}
    >
      <Group align="flex-end" gap="sm">
        <TextInput
          label="New bucket"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          minLength={3}
        />
        <Button type="submit" variant="default" loading={isPending} disabled={name.trim().length < 3}>
          Make it
        </Button>
      </Group>
      {error !== null && (
        <Text role="alert" size="sm">
          {error.message}
        </Text>
      )}
    </form>
  );
};

/** Buckets that may be seen, with what is in them. */
export const BucketsPage = (): ReactNode => {
  const { data, error, refetch } = useQuery(BUCKETS);
  const mayWrite = useMayWrite();
  return (
    <Stack>
      <Title order={1} size="h2">
        Buckets
      </Title>
      {mayWrite && <NewBucket />}
      {error !== null && <Failed error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Waiting />}
      {data?.length === 0 && <Empty title="There are no buckets yet" />}
      {data !== undefined && data.length > 0 && (
        <Scrolled minWidth={600}>
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
                  <Table.Td>
                    <Link to="/buckets/$name" params={{ name: bucket.name }}>
                      {bucket.name}
                    </Link>
                  </Table.Td>
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
        </Scrolled>
      )}
    </Stack>
  );
};
