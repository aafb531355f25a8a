import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { readScheduling } from '../../api/fleet.ts';
import { Answered } from '../../parts/answered.tsx';
import { count } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Facts } from '../../parts/states.tsx';

/** The queue and what is free, as the scheduler that leads sees it. */
export const Scheduling = (): ReactNode => {
  const query = useQuery({ queryKey: ['scheduling'], queryFn: readScheduling, refetchInterval: 2_000 });
  return (
    <Answered query={query}>
      {({ unfinishedTasks, queuedTasks, waitingInstances, leases, nodes }) => (
        <Stack>
          <Facts
            facts={[
              ['Tasks that are not over', count(unfinishedTasks)],
              ['Tasks in the queue', count(queuedTasks)],
              ['Instances that wait', count(waitingInstances)],
              ['Leases', count(leases)],
            ]}
          />
          <Rows
            minWidth={560}
            label="Nodes as the scheduler sees them"
            heads={['Node', 'State', 'Leases', 'Cores', 'Memory', 'Disk promised']}
            rows={nodes}
            keyOf={({ id }) => id}
            cells={(node) => [
              <Link key="node" to="/nodes">
                {node.id}
              </Link>,
              node.status,
              count(node.leases),
              `${count(node.usedCores)} of ${count(node.cores)}`,
              `${count(node.usedMemoryMB)} of ${count(node.memoryMB)} MB`,
              node.diskMB === undefined ? '–' : `${count(node.promisedDiskMB ?? 0)} of ${count(node.diskMB)} MB`,
            ]}
          />
        </Stack>
      )}
    </Answered>
  );
};
