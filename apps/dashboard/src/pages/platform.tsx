import { Stack, Tabs, Title } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { PLATFORM_TABS, type PlatformTab } from '../address/page-search.ts';
import { useMe } from '../known/me.tsx';
import { Empty } from '../parts/states.tsx';
import { EventLog } from './platform/event-log.tsx';
import { Projections } from './platform/projections.tsx';
import { Scheduling } from './platform/scheduling.tsx';
import { Services } from './platform/services.tsx';

const route = getRouteApi('/platform');
const LABELS: Readonly<Record<PlatformTab, string>> = {
  services: 'Services',
  projections: 'Projections',
  log: 'Event log',
  scheduling: 'Scheduling',
};

/** The platform itself, for who operates it. */
export const PlatformPage = (): ReactNode => {
  const { tab = 'services' } = route.useSearch();
  const navigate = route.useNavigate();
  const { role } = useMe();
  return (
    <Stack>
      <Title order={1} size="h2">
        Platform
      </Title>
      {role === 'operator' ? (
        <Tabs
          value={tab}
          onChange={(value) =>
            void navigate({ search: { tab: PLATFORM_TABS.find((name) => name === value) ?? 'services' } })
          }
        >
          <Tabs.List>
            {PLATFORM_TABS.map((name) => (
              <Tabs.Tab key={name} value={name}>
                {LABELS[name]}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value={tab} pt="md">
            {tab === 'services' && <Services />}
            {tab === 'projections' && <Projections />}
            {tab === 'log' && <EventLog />}
            {tab === 'scheduling' && <Scheduling />}
          </Tabs.Panel>
        </Tabs>
      ) : (
        <Empty title="Only operators see this" />
      )}
    </Stack>
  );
};
