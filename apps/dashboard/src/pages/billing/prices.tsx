import { Alert, Button, Group, JsonInput, Progress, Select, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import {
  beginRating,
  periodOf,
  readPrices,
  readRating,
  timeZone,
  type Prices,
  type Rating,
} from '../../api/billing.ts';
import { api, bodyOf } from '../../api/client.ts';
import type { BillingSearch } from '../../address/page-search.ts';
import { useMe } from '../../known/me.tsx';
import { useAction } from '../../known/use-action.ts';
import { Answered } from '../../parts/answered.tsx';
import { count, counted, Instant } from '../../parts/format.tsx';
import { microsOf, moneyText } from '../../parts/money.ts';
import { Rows } from '../../parts/rows.tsx';
import { Empty } from '../../parts/states.tsx';
import type { ShowBilling } from '../billing.tsx';

type PriceListRow = readonly [what: string, flex: string, onDemand: string, reserved: string];

const rowsOf = ({ work, hardware }: Prices): readonly PriceListRow[] => [
  ['GHz·core·hour, by work', work.flex, work.onDemand, work.reserved],
  ...hardware.map(({ match, flex, onDemand, reserved }): PriceListRow => [
    `core·hour of ${match === '' ? 'any other hardware' : match}`,
    flex,
    onDemand,
    reserved,
  ]),
];

const PriceTable = ({ version }: { readonly version: number }): ReactNode => {
  const query = useQuery({ queryKey: ['prices', version], queryFn: () => readPrices(version) });
  return (
    <Answered query={query}>
      {(prices) => (
        <Rows
          minWidth={420}
          label={`Price list ${version}`}
          heads={[`Price of a … in ${prices.currency}`, 'Flex', 'On demand', 'Reserved']}
          rows={rowsOf(prices)}
          keyOf={([what]) => what}
          cells={(row) => [...row]}
        />
      )}
    </Answered>
  );
};

/** The period as it was billed, and as it would be, side by side. */
const Difference = ({ rating, currency }: { readonly rating: Rating; readonly currency: string }): ReactNode => {
  const { projects } = useMe();
  const { rows, sums, state } = rating;
  if (state === 'failed') return <Alert color="red" role="alert" title={rating.reason ?? 'It could not be rated'} />;
  if (state === 'running')
    return (
      <div role="status">
        <Text size="sm">
          {count(rating.done)} of {counted(rating.total, 'line')} {rating.total === 1 ? 'is' : 'are'} rated
        </Text>
        <Progress value={rating.total === 0 ? 0 : (100 * rating.done) / rating.total} aria-label="Rated" />
      </div>
    );
  const amount = (text: string): string => moneyText(microsOf(text), currency);
  return (
    <Stack gap="xs">
      {rows.length === 0 && <Empty title="Nothing was used in this time" />}
      <Rows
        minWidth={560}
        label="What it would cost"
        heads={['Project', 'Attempts', 'As it was billed', 'By the other list', 'Difference']}
        rows={[...rows, { project: '', ...sums }]}
        keyOf={({ project }) => project}
        cells={({ project, attempts, before, after, difference }) => [
          project === '' ? <b key="all">In all</b> : (projects.find(({ uuid }) => uuid === project)?.name ?? project),
          count(attempts),
          amount(before),
          amount(after),
          amount(difference),
        ]}
      />
      {rating.unrated > 0 && (
        <Text size="sm">
          {counted(rating.unrated, 'attempt')}{' '}
          {rating.unrated === 1 ? 'gets no price by it: it is' : 'get no price by it: they are'} in no sum.
        </Text>
      )}
      <Text size="sm" c="dimmed">
        From <Instant at={rating.from} /> to <Instant at={rating.to} />. Nothing of the ledger has changed;{' '}
        <code>fornax billing commit {rating.id}</code> books it, if the list was published.
      </Text>
    </Stack>
  );
};

interface WhatIfProps {
  readonly search: BillingSearch;
  readonly show: ShowBilling;
  readonly versions: readonly number[];
  readonly currency: string;
}

const OWN = 'own';

/** Rates the period of the page by a list that was published, or by one that is only thought of. */
const WhatIf = ({ search, show, versions, currency }: WhatIfProps): ReactNode => {
  const last = versions.at(-1) ?? 1;
  const [list, setList] = useState(String(last));
  const [text, setText] = useState<string>();
  const base = useQuery({ queryKey: ['prices', last], queryFn: () => readPrices(last) });
  const typed = text ?? JSON.stringify(base.data ?? {}, undefined, 2);
  const { mutate, isPending } = useAction(
    () =>
      beginRating({
        ...periodOf(search),
        timeZone,
        ...(list === OWN ? { prices: JSON.parse(typed) as Prices } : { list: Number(list) }),
      }),
    ['rating'],
    ({ id }) => show({ rating: id }),
  );
  const { rating } = search;
  const found = useQuery({
    queryKey: ['rating', rating],
    queryFn: () => readRating(rating ?? ''),
    enabled: rating !== undefined,
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? 500 : false),
  });
  return (
    <Stack>
      <Title order={2} size="h4">
        What it would cost by other prices
      </Title>
      <Group align="flex-end">
        <Select
          label="By"
          w={260}
          allowDeselect={false}
          value={list}
          onChange={(value) => setList(value ?? String(last))}
          data={[
            ...versions.map((version) => ({ value: String(version), label: `Price list ${version}` })),
            { value: OWN, label: 'Another one that I write' },
          ]}
        />
        <Button loading={isPending} onClick={() => mutate(undefined)}>
          Rate the period
        </Button>
      </Group>
      {list === OWN && (
        <JsonInput
          label="The other price list"
          description="It is not published"
          autosize
          minRows={6}
          maxRows={24}
          validationError="This is no JSON"
          value={typed}
          onChange={setText}
        />
      )}
      {rating !== undefined && (
        <Answered query={found}>{(data) => <Difference rating={data} currency={currency} />}</Answered>
      )}
    </Stack>
  );
};

/** The price lists, and for operators what the period would cost by another one. */
export const PriceLists = ({
  search,
  show,
}: {
  readonly search: BillingSearch;
  readonly show: ShowBilling;
}): ReactNode => {
  const { role } = useMe();
  const query = useQuery({ queryKey: ['prices'], queryFn: () => bodyOf(api.GET('/fornax/v1/billing/prices')) });
  return (
    <Answered query={query}>
      {(lists) => (
        <Stack>
          {role === 'operator' && (
            <WhatIf
              search={search}
              show={show}
              versions={lists.map(({ version }) => version)}
              currency={lists.at(-1)?.currency ?? ''}
            />
          )}
          <Title order={2} size="h4">
            Price lists
          </Title>
          {lists.length === 0 && <Empty title="No price list was published yet" />}
          {lists.toReversed().map(({ version, validFrom, endsAt, replacedBy }) => (
            <Stack key={version} gap="xs">
              <Text>
                List {version}, from <Instant at={validFrom} />
                {endsAt === null ? '' : ', until '}
                {endsAt !== null && <Instant at={endsAt} />}
                {replacedBy === null ? '' : `, replaced by list ${replacedBy}`}
              </Text>
              <PriceTable version={version} />
            </Stack>
          ))}
        </Stack>
      )}
    </Answered>
  );
};
