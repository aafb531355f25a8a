import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import {
  comparisonsOf,
  CONDITION_FIELDS,
  filterValue,
  firstComparison,
  isConditionField,
  typeOf,
  type Condition,
} from '../../address/conditions.ts';

const FIELDS = Object.entries(CONDITION_FIELDS).map(([value, [label]]) => ({ value, label }));
const HINTS = {
  text: '',
  list: '',
  number: '',
  date: '',
  duration: 'minutes',
} as const;

interface OneProps {
  readonly condition: Condition;
  readonly onChange: (changed: Condition) => void;
  readonly onRemove: () => void;
}

const One = ({ condition, onChange, onRemove }: OneProps): ReactNode => {
  const { field, is, value } = condition;
  const type = typeOf(field);
  const [label] = CONDITION_FIELDS[field];
  return (
    <Group gap="xs" align="flex-start">
      <Select
        aria-label="Field"
        w={230}
        allowDeselect={false}
        data={FIELDS}
        value={field}
        onChange={(to) => {
          if (isConditionField(to)) onChange({ field: to, is: firstComparison(to), value: '' });
        }}
      />
      <Select
        aria-label={`${label}: comparison`}
        w={120}
        allowDeselect={false}
        data={Object.entries(comparisonsOf(field)).map(([name, words]) => ({ value: name, label: words }))}
        value={is}
        onChange={(to) => onChange({ ...condition, is: to ?? is })}
      />
      <TextInput
        aria-label={`${label}: value`}
        w={200}
        type={type === 'date' ? 'datetime-local' : 'text'}
        placeholder={HINTS[type]}
        value={value}
        error={value !== '' && filterValue(condition) === undefined ? 'This is no such value' : undefined}
        onChange={(event) => onChange({ ...condition, value: event.currentTarget.value })}
      />
      <Button variant="default" aria-label={`Remove: ${label}`} onClick={onRemove}>
        Remove
      </Button>
    </Group>
  );
};

interface FilterBuilderProps {
  readonly conditions: readonly Condition[];
  readonly onChange: (conditions: readonly Condition[] | undefined) => void;
}

/** Further conditions, all of which a task has to meet. */
export const FilterBuilder = ({ conditions, onChange }: FilterBuilderProps): ReactNode => {
  const [typed, setTyped] = useState(conditions);
  const shape = JSON.stringify(conditions);
  const sent = useRef(shape);
  // Those of another view, or of a step back; what was typed here is in the address only a moment later.
  useEffect(() => {
    if (shape !== sent.current) setTyped(conditions);
    sent.current = shape;
  }, [shape]);
  const later = useDebouncedCallback((whole: readonly Condition[]) => {
    sent.current = JSON.stringify(whole);
    onChange(whole.length === 0 ? undefined : whole);
  }, 400);
  const change = (next: readonly Condition[]): void => {
    setTyped(next);
    later(next.filter((one) => filterValue(one) !== undefined));
  };
  return (
    <Stack gap="xs" align="flex-start" role="group" aria-label="Further conditions">
      {typed.map((condition, at) => (
        <One
          key={at}
          condition={condition}
          onChange={(changed) => change(typed.with(at, changed))}
          onRemove={() => change(typed.toSpliced(at, 1))}
        />
      ))}
      <Button
        variant="default"
        size="xs"
        onClick={() => change([...typed, { field: 'Profile', is: firstComparison('Profile'), value: '' }])}
      >
        Add a condition
      </Button>
    </Stack>
  );
};
