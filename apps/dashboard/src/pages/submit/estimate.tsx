import { NumberInput, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { readTypical, simulatePrice, type FoundNodes, type SimulatedPrice } from '../../api/thought.ts';
import { coresOf, type Constraint } from '../../parts/constraints.ts';
import { count, duration } from '../../parts/format.tsx';
import { moneyText } from '../../parts/money.ts';

interface EstimateProps {
  readonly profile: string;
  readonly instances: number;
  readonly constraints: readonly Constraint[];
  readonly found: FoundNodes | undefined;
}

type Range = NonNullable<SimulatedPrice['task']>;

const rangeText = ({ lowMicros, highMicros }: Range, currency: string): string => {
  const [low, high] = [lowMicros, highMicros].map((micros) => moneyText(BigInt(micros), currency));
  return low === high ? String(low) : `${low} to ${high}`;
};

const PriceText = ({ price, instances }: { readonly price: SimulatedPrice; readonly instances: number }): ReactNode => {
  const { task, instance, currency, priceListVersion, rules } = price;
  if (priceListVersion === null) return <Text size="sm">No price list holds now.</Text>;
  if (task === null || instance === null)
    return <Text size="sm">Price list {priceListVersion} has no price for some of this hardware.</Text>;
  return (
    <Text size="sm">
      {rangeText(task, currency)}
      {instances === 1 ? '' : `, ${rangeText(instance, currency)} for each instance`}, by {rules.join(', ')} of price
      list {priceListVersion}, without discounts, if each succeeds at once.
    </Text>
  );
};

/** What a task would cost, for as long as somebody says that an instance takes, or as long as those of earlier tasks took. */
export const Estimate = ({ profile, instances, constraints, found }: EstimateProps): ReactNode => {
  const [typed, setTyped] = useState<number | string>('');
  const { data: typical } = useQuery({
    queryKey: ['typical', profile],
    queryFn: () => readTypical(profile),
    staleTime: 60_000,
  });
  const own = Number(typed) * 60;
  const seconds = own > 0 ? own : (typical?.seconds ?? 0);
  const [thought] = useDebouncedValue({ instances, seconds, constraints, hardware: found?.hardware ?? [] }, 300);
  const { data: price } = useQuery({
    queryKey: ['price-of', thought],
    queryFn: () =>
      simulatePrice({
        instances: thought.instances,
        seconds: thought.seconds,
        cores: coresOf(thought.constraints),
        isConstrained: thought.constraints.length > 0,
        hardware: thought.hardware,
      }),
    enabled: thought.seconds > 0 && thought.hardware.length > 0,
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
  const basis =
    own > 0 || typical === null || typical === undefined
      ? ''
      : `${duration(typical.seconds * 1_000)} is what an instance took in ${typical.tasks === 1 ? 'your last task' : `the middle one of your last ${count(typical.tasks)} tasks`} of this profile that succeeded. `;
  return (
    <Stack gap={4} role="group" aria-label="What it would cost">
      <NumberInput
        label="Minutes that an instance takes"
        description="For an estimate of the price; it is not sent along"
        w={260}
        min={0}
        value={typed}
        onChange={setTyped}
        placeholder={typical == null ? '' : (typical.seconds / 60).toFixed(2)}
      />
      {basis !== '' && (
        <Text size="sm" c="dimmed">
          {basis}
        </Text>
      )}
      {seconds > 0 && price !== undefined && <PriceText price={price} instances={instances} />}
      {seconds === 0 && (
        <Text size="sm" c="dimmed">
          Nothing is known of how long it takes: say it, and its price is estimated.
        </Text>
      )}
    </Stack>
  );
};
