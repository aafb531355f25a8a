import { Button, Code, CopyButton, Group, Stack, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Task } from '../../api/wire.ts';
import type { Constraint } from '../../parts/constraints.ts';
import { asCurl, asFornax, asPython, type Wanted } from '../../parts/task-code.ts';

/** A constraint of a task, without what is null in it. */
const constraintIn = (constraint: Task['hardwareConstraints'][number]): Constraint => ({
  discriminator: constraint.discriminator,
  ...Object.fromEntries(
    Object.entries(constraint).filter(
      (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
    ),
  ),
});

/** What makes a task like this one. */
const wantedOf = (task: Task): Wanted => ({
  name: task.name,
  profile: task.profile ?? undefined,
  instanceCount: task.instanceCount,
  advancedRanges: task.advancedRanges ?? undefined,
  constants: task.constants.map(({ key, value }) => ({ key, value: String(value) })),
  tags: task.tags,
  resourceBuckets: task.resourceBuckets,
  resultBucket: task.resultBucket ?? undefined,
  hardwareConstraints: task.hardwareConstraints.map(constraintIn),
});

export const CodeOf = ({ wanted }: { readonly wanted: Wanted }): ReactNode => (
  <Stack gap="lg">
    {(
      [
        ['Command line', asFornax(wanted)],
        ['Python', asPython(wanted)],
        ['curl', asCurl(wanted)],
      ] as const
    ).map(([name, code]) =>
      code === undefined ? null : (
        <Stack key={name} gap="xs">
          <Group justify="space-between">
            <Title order={2} size="h4">
              {name}
            </Title>
            <CopyButton value={code}>
              {({ copied, copy }) => (
                <Button size="compact-xs" variant="default" onClick={copy} aria-label={`Copy ${name}`}>
                  {copied ? 'Copied' : 'Copy'}
                </Button>
              )}
            </CopyButton>
          </Group>
          <Code block tabIndex={0}>
            {code}
          </Code>
        </Stack>
      ),
    )}
  </Stack>
);

/** The same task for other clients. */
export const AsCode = ({ task }: { readonly task: Task }): ReactNode => <CodeOf wanted={wantedOf(task)} />;
