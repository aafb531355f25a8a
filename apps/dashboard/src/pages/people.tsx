import { Stack, Tabs, Title } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { PEOPLE_TABS, type PeopleSearch, type PeopleTab } from '../address/page-search.ts';
import { readAs } from '../api/read-as.ts';
import { useMe } from '../known/me.tsx';
import { Mine } from './people/mine.tsx';
import { Organizations } from './people/organizations.tsx';
import { Users } from './people/users.tsx';

const route = getRouteApi('/people');
const LABELS: Readonly<Record<PeopleTab, string>> = {
  me: 'My account',
  users: 'Users',
  organizations: 'Organizations',
};

/** Who sees what of others: the platform holds each to it as well. */
const TABS_OF = {
  user: ['me'],
  auditor: ['me', 'users'],
  coordinator: ['me', 'users'],
  operator: ['me', 'users', 'organizations'],
} as const;

/** Who there is, and what each may use. */
export const PeoplePage = (): ReactNode => {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { role } = useMe();
  // Whoever is read as has this account alone.
  const tabs: readonly PeopleTab[] = TABS_OF[readAs === undefined ? role : 'user'];
  const tab = tabs.find((name) => name === search.tab) ?? 'me';
  const show = (change: { readonly [K in keyof PeopleSearch]: PeopleSearch[K] | undefined }): void =>
    void navigate({ search: (before) => ({ ...before, ...change }) as PeopleSearch });
  return (
    <Stack>
      <Title order={1} size="h2">
        People and quotas
      </Title>
      <Tabs value={tab} onChange={(value) => show({ tab: PEOPLE_TABS.find((name) => name === value) })}>
        <Tabs.List>
          {tabs.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {LABELS[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          {tab === 'me' && <Mine />}
          {tab === 'users' && <Users search={search} show={show} />}
          {tab === 'organizations' && <Organizations />}
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
};

/** Changes the address of the page. */
export type ShowPeople = (change: { readonly [K in keyof PeopleSearch]: PeopleSearch[K] | undefined }) => void;
