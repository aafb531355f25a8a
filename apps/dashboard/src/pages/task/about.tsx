import { Alert, List, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import type { Task } from '../../api/wire.ts';
import { TASK } from '../../known/live-tasks.ts';
import { count, Instant, Lasting } from '../../parts/format.tsx';
import { Facts, isOver } from '../../parts/states.tsx';
import { Scrolled } from '../../parts/scrolled.tsx';

/** Why a task waits, or waited. */
const WhyItWaits = ({ task, asOf }: { readonly task: Task; readonly asOf: string | undefined }): ReactNode => {
  const { data } = useQuery({
    queryKey: [TASK, task.uuid, 'waiting', asOf],
    queryFn: () =>
      bodyOf(
        api.GET('/fornax/v1/tasks/{id}/waiting', {
          params: { path: { id: task.uuid }, query: asOf === undefined ? {} : { asOf } },
        }),
      ),
  });
  if (data === undefined) return null;
  const before = data.history.filter(({ reason }) => reason !== null);
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Waiting
      </Title>
      <Text>{data.text}</Text>
      {before.length > 0 && (
        <List size="sm">
          {before.map(({ reason, detail, at, sequence }) => (
            <List.Item key={sequence}>
              <Instant at={at} />: {reason}
              {detail === null ? '' : `, ${detail}`}
            </List.Item>
          ))}
        </List>
      )}
    </Stack>
  );
};

const Constants = ({ task }: { readonly task: Task }): ReactNode => {
  if (task.constants.length === 0) return null;
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Constants
      </Title>
      <Scrolled minWidth={300}>
        <Table withRowBorders>
          <Table.Tbody>
            {task.constants.map(({ key, value }) => (
              <Table.Tr key={key}>
                <Table.Th scope="row">{key}</Table.Th>
                <Table.Td>
                  <code>{String(value)}</code>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scrolled>
    </Stack>
  );
};

/** What a task is, how it stands, and what went wrong. */
export const AboutTask = ({ task, asOf }: { readonly task: Task; readonly asOf: string | undefined }): ReactNode => {
  const now = task.status?.runningInstancesInfo?.perRunningInstanceInfo ?? [];
  return (
    <Stack gap="lg">
      {task.errors.map(({ code, message, debug }, index) => (
        <Alert key={`${code} ${index}`} color="red" title={code}>
          {message}
          {debug === '' ? '' : ` (${debug})`}
        </Alert>
      ))}
      <Facts
        facts={[
          ['Profile', task.profile ?? '–'],
          ['Instances', count(task.instanceCount)],
          ['Running', count(task.runningInstanceCount)],
          ['Cores in use', count(task.runningCoreCount)],
          ['Submitted', <Instant key="at" at={task.creationDate} />],
          ['Lasts', <Lasting key="for" from={task.creationDate} to={isOver(task.state) ? task.endDate : undefined} />],
          ['Results', task.resultBucket ?? '–'],
          ['Inputs', task.resourceBuckets.join(', ') || '–'],
        ]}
      />
      <WhyItWaits task={task} asOf={asOf} />
      {now.length > 0 && (
        <Stack gap="xs">
          <Title order={2} size="h4">
            Running now
          </Title>
          <Scrolled minWidth={400}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  {['Instance', 'Phase', 'Processor', 'Memory', 'Progress'].map((name) => (
                    <Table.Th key={name}>{name}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {now.slice(0, 20).map((one) => (
                  <Table.Tr key={one.instanceId}>
                    <Table.Td>{one.instanceId}</Table.Td>
                    <Table.Td>{one.phase}</Table.Td>
                    <Table.Td>{one.cpuUsage.toFixed(0)} %</Table.Td>
                    <Table.Td>{count(one.currentMemoryMB)} MB</Table.Td>
                    <Table.Td>{one.progress.toFixed(0)} %</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Scrolled>
        </Stack>
      )}
      <Constants task={task} />
    </Stack>
  );
};
