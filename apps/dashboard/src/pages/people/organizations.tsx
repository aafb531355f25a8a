import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, bodyOf } from '../../api/client.ts';
import { Answered } from '../../parts/answered.tsx';
import { bytes, count, Instant } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Empty } from '../../parts/states.tsx';

/** Organizations, with what their members may use together. */
export const Organizations = (): ReactNode => {
  const query = useQuery({
    queryKey: ['organizations'],
    queryFn: () => bodyOf(api.GET('/fornax/v1/organizations')),
  });
  return (
    <Answered query={query}>
      {(organizations) =>
        organizations.length === 0 ? (
          <Empty title="There are no organizations yet" />
        ) : (
          <Rows
            minWidth={640}
            label="Organizations"
            heads={['Name', 'Members', 'Instances', 'Cores', 'Buckets', 'Storage', 'Made']}
            rows={organizations}
            keyOf={({ uuid }) => uuid}
            cells={({ name, members, quotas, creationDate }) => [
              name,
              count(members),
              count(quotas.maxInstances),
              count(quotas.maxCores),
              quotas.maxBuckets === null ? 'no limit' : count(quotas.maxBuckets),
              quotas.maxStorageBytes === null ? 'no limit' : bytes(quotas.maxStorageBytes),
              <Instant key="at" at={creationDate} />,
            ]}
          />
        )
      }
    </Answered>
  );
};
