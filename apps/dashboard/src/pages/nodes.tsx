import { Alert, Badge, Button, Card, Group, Progress, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../api/client.ts';
import { readFleet, type NodeInUse } from '../api/fleet.ts';
import { useMe } from '../known/me.tsx';
import { count, counted, Instant } from '../parts/format.tsx';
import { Empty, Failed, Waiting } from '../parts/states.tsx';

const NODES = ['nodes'] as const;

/** What an operator does to a node: no new work, or work again. */
const drain = (id: string): Promise<unknown> =>
  bodyOf(api.POST('/fornax/v1/nodes/{id}/drain', { params: { path: { id } } }));
const resume = (id: string): Promise<unknown> =>
  bodyOf(api.POST('/fornax/v1/nodes/{id}/resume', { params: { path: { id } } }));

const Drain = ({ node }: { readonly node: NodeInUse }): ReactNode => {
  const queries = useQueryClient();
  const { mutate, isPending } = useMutation({
    mutationFn: () => (node.isDrainRequested ? resume(node.id) : drain(node.id)),
    onError: ({ message }) => notifications.show({ color: 'red', title: 'That was refused', message }),
    onSettled: () => queries.invalidateQueries({ queryKey: NODES }),
  });
  return (
    <Button size="xs" variant="default" loading={isPending} onClick={() => mutate()}>
      {node.isDrainRequested ? 'Resume' : 'Drain'}
    </Button>
  );
};

interface InUseProps {
  readonly name: string;
  readonly used: number | undefined;
  readonly of: number;
  /** How so much of it is said. */
  readonly said: (amount: number) => string;
}

const InUse = ({ name, used, of, said }: InUseProps): ReactNode => (
  <div>
    <Text size="sm">
      {used === undefined ? '' : `${count(used)} of `}
      {said(of)}
    </Text>
    <Progress value={of === 0 ? 0 : (100 * (used ?? 0)) / of} aria-label={`${name} in use`} />
  </div>
);

/** The fleet: a tile for each node. */
export const NodesPage = (): ReactNode => {
  const { role } = useMe();
  const { data, error, refetch } = useQuery({ queryKey: NODES, queryFn: readFleet, refetchInterval: 2_000 });
  return (
    <Stack>
      <Title order={1} size="h2">
        Nodes
      </Title>
      {error !== null && <Failed error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Waiting />}
      {data?.length === 0 && <Empty title="No node has joined yet" />}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {data?.map((node) => (
          <Card key={node.id} withBorder component="section" aria-label={node.id}>
            <Stack gap="xs">
              <Group justify="space-between" wrap="nowrap">
                <Title order={2} size="h4" className="cut">
                  {node.id}
                </Title>
                <Badge
                  variant="outline"
                  color="gray"
                  className={`state state-${node.status === 'online' ? 'green' : 'orange'}`}
                >
                  {node.status}
                </Badge>
              </Group>
              <Text size="sm" c="dimmed">
                {node.hardware?.cpuModel ?? '–'} · {node.driver}
              </Text>
              <InUse name="Cores" used={node.usedCores} of={node.cores} said={(cores) => counted(cores, 'core')} />
              <InUse
                name="Memory"
                used={node.usedMemoryMB}
                of={node.memoryMB}
                said={(memory) => `${count(memory)} MB`}
              />
              <Text size="sm">
                {counted(node.leases ?? 0, 'instance')} · heard of <Instant at={node.lastHeartbeat} />
              </Text>
              {node.warnings.map((warning) => (
                <Alert key={warning} color="yellow" title={warning} />
              ))}
              {role === 'operator' && node.status !== 'retired' && <Drain node={node} />}
            </Stack>
          </Card>
        ))}
      </SimpleGrid>
    </Stack>
  );
};
