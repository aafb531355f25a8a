import { Button, Group, Paper, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { OWN_ADDRESS, readAs } from './api/read-as.ts';
import { useAccount } from './known/me.tsx';
import { FailedPage } from './parts/states.tsx';

const Back = (): ReactNode => (
  // Another page and not another state of this one: it knows nothing of what was asked for here.
  <Button component="a" href={OWN_ADDRESS} size="xs" variant="default">
    Back to my own
  </Button>
);

/** Says over a page whose view it is, and leads back; nothing where it is one's own. */
export const ReadingAs = (): ReactNode => {
  const { email } = useAccount();
  if (readAs === undefined) return null;
  return (
    <Paper
      component="section"
      aria-label="Whose view this is"
      withBorder
      p="xs"
      mb="md"
      bg="var(--mantine-color-yellow-light)"
    >
      <Group justify="space-between">
        <Text fw={600}>This is what {email} sees. You only read here.</Text>
        <Back />
      </Group>
    </Paper>
  );
};

/** Says that the account of the address is none to be read as, in the words of the platform. */
export const NotReadable = ({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }): ReactNode => (
  <main>
    <FailedPage error={error} onRetry={onRetry} />
    <Group mx="md">
      <Back />
    </Group>
  </main>
);
