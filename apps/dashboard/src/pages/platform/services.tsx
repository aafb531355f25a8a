import { Alert, List, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { readHealth, readProjections, type Health } from '../../api/platform.ts';
import { Answered } from '../../parts/answered.tsx';
import { count } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Facts } from '../../parts/states.tsx';

type Reason = Health['reasons'][number];

const Reasons = ({ title, color, reasons }: { title: string; color: string; reasons: readonly Reason[] }): ReactNode =>
  reasons.map(({ name, reason, ways }) => (
    <Alert key={name} color={color} title={`${title}: ${name}`}>
      {reason}
      {(ways ?? []).length > 0 && (
        <List size="sm">
          {ways?.map((way) => (
            <List.Item key={way}>{way}</List.Item>
          ))}
        </List>
      )}
    </Alert>
  ));

/** Whether the platform works, and what its services are. */
export const Services = (): ReactNode => {
  const health = useQuery({ queryKey: ['health'], queryFn: readHealth, refetchInterval: 5_000 });
  const projections = useQuery({ queryKey: ['projections'], queryFn: readProjections, refetchInterval: 5_000 });
  return (
    <Stack>
      <Answered query={health}>
        {({ status, service, release, reasons, degraded, stops, warnings }) => (
          <>
            <Facts
              facts={[
                ['Status', status],
                ['Answered by', service],
                ['Release', release || '–'],
              ]}
            />
            <Reasons title="Not ready" color="red" reasons={reasons} />
            <Reasons title="Degraded" color="yellow" reasons={degraded} />
            {stops.map(({ name, message, ways }) => (
              <Reasons
                key={name}
                title="Writes nothing"
                color="red"
                reasons={[{ name, reason: message, ways: [...ways] }]}
              />
            ))}
            {warnings.map((warning) => (
              <Alert key={warning} color="yellow" title={warning} />
            ))}
            {reasons.length + degraded.length + stops.length + warnings.length === 0 && <Text>Nothing is wrong.</Text>}
          </>
        )}
      </Answered>
      <Answered query={projections}>
        {(all) => {
          const names = [...new Set(all.map((one) => one.service))].toSorted();
          return (
            <Rows
              minWidth={420}
              label="Services"
              heads={['Service', 'Projections', 'Furthest behind']}
              rows={names}
              keyOf={(name) => name}
              cells={(name) => {
                const own = all.filter((one) => one.service === name);
                return [
                  name,
                  own.map((one) => one.name).join(', '),
                  `${count(Math.max(0, ...own.map(({ lag }) => lag)))} commits`,
                ];
              }}
            />
          );
        }}
      </Answered>
    </Stack>
  );
};
