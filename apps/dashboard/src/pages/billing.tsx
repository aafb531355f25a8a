import { Button, Group, Stack, Tabs, Text, TextInput, Title } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { timeZone } from '../api/billing.ts';
import { BILLING_TABS, type BillingSearch, type BillingTab } from '../address/page-search.ts';
import { Budgets } from './billing/budgets.tsx';
import { PriceLists } from './billing/prices.tsx';
import { Spend } from './billing/spend.tsx';

const route = getRouteApi('/billing');

const LABELS: Readonly<Record<BillingTab, string>> = { spend: 'Spend', budgets: 'Budgets', prices: 'Prices' };

/** Changes the address of the page. */
export type ShowBilling = (change: { readonly [K in keyof BillingSearch]: BillingSearch[K] | undefined }) => void;

const dayOf = (date: Date): string => {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
};

const Period = ({ search, show }: { readonly search: BillingSearch; readonly show: ShowBilling }): ReactNode => {
  const now = new Date();
  const first = (back: number): string => dayOf(new Date(now.getFullYear(), now.getMonth() - back, 1));
  const last = dayOf(new Date(now.getFullYear(), now.getMonth(), 0));
  const periods = [
    ['This month', undefined, undefined],
    ['Last month', first(1), last],
    ['90 days', dayOf(new Date(now.getTime() - 90 * 86_400_000)), undefined],
  ] as const;
  return (
    <Group align="flex-end" gap="sm">
      <TextInput
        type="date"
        label="From"
        value={search.from ?? first(0)}
        onChange={(event) => show({ from: event.currentTarget.value || undefined })}
      />
      <TextInput
        type="date"
        label="Through"
        value={search.to ?? ''}
        onChange={(event) => show({ to: event.currentTarget.value || undefined })}
      />
      {periods.map(([label, from, to]) => (
        <Button
          key={label}
          variant="default"
          aria-pressed={search.from === from && search.to === to}
          onClick={() => show({ from, to })}
        >
          {label}
        </Button>
      ))}
      <Text size="sm" c="dimmed" pb={8}>
        Days of {timeZone}
      </Text>
    </Group>
  );
};

/** What was used, what it cost, what it may cost, and what it would cost by other prices. */
export const BillingPage = (): ReactNode => {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { tab = 'spend' } = search;
  const show: ShowBilling = (change) =>
    void navigate({ search: (before) => ({ ...before, ...change }) as BillingSearch });
  return (
    <Stack>
      <Title order={1} size="h2">
        Billing
      </Title>
      <Tabs value={tab} onChange={(value) => show({ tab: BILLING_TABS.find((name) => name === value) })}>
        <Tabs.List>
          {BILLING_TABS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {LABELS[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          <Stack>
            {tab !== 'budgets' && <Period search={search} show={show} />}
            {tab === 'spend' && <Spend search={search} show={show} />}
            {tab === 'budgets' && <Budgets />}
            {tab === 'prices' && <PriceLists search={search} show={show} />}
          </Stack>
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
};
