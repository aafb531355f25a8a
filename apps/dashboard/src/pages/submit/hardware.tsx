import { Button, Group, Input, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { findNodes, type FoundNodes } from '../../api/thought.ts';
import {
  CONSTRAINT_KINDS,
  constraintsOf,
  isConstraintKind,
  kindOf,
  type Constraint,
  type ConstraintKind,
  type TypedConstraint,
} from '../../parts/constraints.ts';
import { count } from '../../parts/format.tsx';

const CHOICES = Object.entries(CONSTRAINT_KINDS).map(([value, { label }]) => ({ value, label }));
const FIRST: ConstraintKind = 'MinimumCoreHardwareConstraint';
/** Nodes come and go, but not while somebody types. */
const STALE_MS = 30_000;

/** Which nodes may run a task; it is asked when the constraints change, and not again and again. */
export const useFoundNodes = (profile: string, constraints: readonly Constraint[]): FoundNodes | undefined => {
  const [asked] = useDebouncedValue(constraints, 300);
  const { data } = useQuery({
    queryKey: ['nodes-for', profile, asked],
    queryFn: () => findNodes(profile, asked),
    staleTime: STALE_MS,
    placeholderData: keepPreviousData,
  });
  return data;
};

const nodes = (fit: number, of: number): string => `${count(fit)} of ${count(of)} ${of === 1 ? 'node' : 'nodes'}`;

interface OneProps {
  readonly typed: TypedConstraint;
  /** Nodes that meet it alone. */
  readonly fit: string | undefined;
  readonly onChange: (changed: TypedConstraint) => void;
  readonly onRemove: () => void;
}

const One = ({ typed, fit, onChange, onRemove }: OneProps): ReactNode => {
  const { kind, value } = typed;
  const { field, isNumber, label } = kindOf(kind);
  const isThere = field === undefined || value.trim() !== '';
  const input = {
    'aria-label': `${label}: value`,
    w: 150,
    error: isThere ? undefined : 'What is it?',
  };
  return (
    <Group align="flex-start" gap="xs">
      <Select
        aria-label="What is asked for"
        w={290}
        allowDeselect={false}
        data={CHOICES}
        value={kind}
        onChange={(to) => {
          if (isConstraintKind(to)) onChange({ ...typed, kind: to, value: '' });
        }}
      />
      {field !== undefined && isNumber === true && (
        <NumberInput {...input} min={0} value={value} onChange={(to) => onChange({ ...typed, value: String(to) })} />
      )}
      {field !== undefined && isNumber !== true && (
        <TextInput
          {...input}
          value={value}
          onChange={(event) => onChange({ ...typed, value: event.currentTarget.value })}
        />
      )}
      <Button variant="default" aria-label={`Remove: ${label}`} onClick={onRemove}>
        Remove
      </Button>
      {fit !== undefined && (
        <Text size="sm" c="dimmed" pt={8}>
          {fit}
        </Text>
      )}
    </Group>
  );
};

interface HardwareProps {
  readonly typed: readonly TypedConstraint[];
  readonly found: FoundNodes | undefined;
  readonly onChange: (typed: readonly TypedConstraint[]) => void;
}

/** What hardware a task asks for, and how many nodes are such. */
export const Hardware = ({ typed, found, onChange }: HardwareProps): ReactNode => {
  const whole = typed.filter((one) => constraintsOf([one]).length > 0);
  const fitOf = (one: TypedConstraint): string | undefined => {
    const known = found?.constraints[whole.indexOf(one)];
    return known?.discriminator !== one.kind || found === undefined ? undefined : nodes(known.fit, found.of);
  };
  return (
    <Input.Wrapper
      label="Hardware"
      description="Without constraints any node will do, and its work is paid for; with some, that hardware is"
      labelElement="div"
    >
      <Stack gap="xs" mt="xs" align="flex-start">
        {typed.map((one) => (
          <One
            key={one.id}
            typed={one}
            fit={fitOf(one)}
            onChange={(changed) => onChange(typed.map((other) => (other.id === one.id ? changed : other)))}
            onRemove={() => onChange(typed.filter(({ id }) => id !== one.id))}
          />
        ))}
        <Button
          variant="default"
          size="xs"
          onClick={() => {
            const id = Math.max(0, ...typed.map((one) => one.id)) + 1;
            onChange([...typed, { id, kind: FIRST, value: '' }]);
          }}
        >
          Add a constraint
        </Button>
        {found !== undefined && (
          <Text size="sm" role="status" aria-label="Nodes that fit" fw={found.fit === 0 ? 700 : 400}>
            {nodes(found.fit, found.of)} {found.fit === 1 ? 'fits' : 'fit'}
            {found.fit === 0
              ? ': it would wait until there is one'
              : `, ${count(found.ready)} of them ${found.ready === 1 ? 'takes' : 'take'} work now`}
          </Text>
        )}
      </Stack>
    </Input.Wrapper>
  );
};
