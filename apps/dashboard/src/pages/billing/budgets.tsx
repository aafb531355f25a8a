import { Badge, Card, Group, Progress, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { readBudgets, readSpent, readStatement, type Budget } from '../../api/billing.ts';
import { useMe } from '../../known/me.tsx';
import { Instant } from '../../parts/format.tsx';
import { centsToMicros, microsOf, moneyText, shareOf, usedUpAt } from '../../parts/money.ts';
import { Empty, Facts, Failed, Waiting } from '../../parts/states.tsx';

const WEEK_MS = 7 * 86_400_000;

const POLICIES: Readonly<Record<Budget['budgetOverrunPolicy'], string>> = {
  AlertOnly: 'tells webhooks',
  BlockNew: 'starts nothing new',
  StopAndBlockAll: 'stops what runs',
};

const stateOf = ({ isArchived, isExhausted, isActive }: Budget): readonly [string, string] => {
  if (isArchived) return ['archived', 'gray'];
  if (isExhausted) return ['used up', 'red'];
  return isActive ? ['active', 'green'] : ['not in its time', 'gray'];
};

/** How fast a budget is used, by the last seven days, and where that leads. */
const BudgetCard = ({ budget, project }: { readonly budget: Budget; readonly project: string }): ReactNode => {
  const { alias, projectUuid, startDateUtc, expirationDateUtc } = budget;
  const [state, color] = stateOf(budget);
  const { data: spent } = useQuery({
    queryKey: ['spent', projectUuid, startDateUtc],
    queryFn: async () => {
      const now = Date.now();
      const from = Math.max(Date.parse(startDateUtc), now - WEEK_MS);
      if (from >= now) return undefined;
      const { total, currency } = await readSpent(new Date(from), new Date(now), projectUuid);
      return { micros: microsOf(total.amount), overMs: now - from, currency, now };
    },
    refetchInterval: 60_000,
  });
  const currency = spent?.currency ?? 'EUR';
  const total = centsToMicros(budget.totalAmountInCents);
  const consumed = centsToMicros(budget.consumedAmountInCents);
  const left = total - consumed;
  const until = spent && usedUpAt(left, spent.micros, spent.overMs, spent.now);
  const holds =
    until === undefined || (expirationDateUtc !== undefined && until > Date.parse(expirationDateUtc))
      ? 'it lasts'
      : undefined;
  const aDay = spent && (spent.micros * 86_400_000n) / BigInt(Math.max(1, spent.overMs));
  return (
    <Card withBorder component="section" aria-label={`Budget ${alias} of ${project}`}>
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap">
          <Title order={2} size="h4" className="cut">
            {alias || 'Without a name'}
          </Title>
          <Badge variant="outline" className={`state state-${color}`}>
            {state}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed">
          {project} · when it is used up it {POLICIES[budget.budgetOverrunPolicy]}
        </Text>
        <Progress value={shareOf(consumed, total)} aria-label={`${shareOf(consumed, total)} % used`} />
        <Facts
          facts={[
            ['Used', `${moneyText(consumed, currency, false)} of ${moneyText(total, currency, false)}`],
            ['A day, by the last seven', aDay === undefined ? '–' : moneyText(aDay, currency)],
            [
              'Used up by then',
              state === 'used up'
                ? 'now'
                : (holds ?? (until === undefined ? '–' : <Instant key="at" at={new Date(until).toISOString()} />)),
            ],
            ['From', <Instant key="from" at={startDateUtc} />],
            ['Until', expirationDateUtc === undefined ? 'without end' : <Instant key="to" at={expirationDateUtc} />],
            ['Tells at', budget.thresholds.map((one) => `${one} %`).join(', ') || '–'],
          ]}
        />
      </Stack>
    </Card>
  );
};

/** The budgets of the projects that somebody is in, and of those that they see the spend of. */
export const Budgets = (): ReactNode => {
  const { projects } = useMe();
  const used = useQuery({ queryKey: ['statement', 'projects'], queryFn: () => readStatement({}, 'project') });
  const names = new Map([
    ...(used.data?.rows ?? []).flatMap(({ by, names: known }) =>
      by['project'] ? [[by['project'], known['project'] ?? by['project']] as const] : [],
    ),
    ...projects.map(({ uuid, name }) => [uuid, name] as const),
  ]);
  const found = useQueries({
    queries: [...names.keys()].map((project) => ({
      queryKey: ['budgets', project],
      queryFn: () => readBudgets(project),
      refetchInterval: 10_000,
    })),
  });
  const error = found.find((one) => one.error !== null)?.error ?? null;
  const budgets = found
    .flatMap(({ data }) => data ?? [])
    .toSorted((a, b) => Number(a.isArchived) - Number(b.isArchived));
  const isKnown = found.every(({ isPending }) => !isPending) && !used.isPending;
  return (
    <Stack>
      {error !== null && <Failed error={error} />}
      {!isKnown && <Waiting />}
      {isKnown && budgets.length === 0 && (
        <Empty title="No project has a budget">
          <Text size="sm">
            Operators and coordinators make one: <code>fornax budget create</code>
          </Text>
        </Empty>
      )}
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        {budgets.map((budget) => (
          <BudgetCard key={budget.uuid} budget={budget} project={names.get(budget.projectUuid) ?? budget.projectUuid} />
        ))}
      </SimpleGrid>
    </Stack>
  );
};
