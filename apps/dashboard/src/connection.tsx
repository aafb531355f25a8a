import { Paper, Text } from '@mantine/core';
import { useNetwork } from '@mantine/hooks';
import { useEffect, useSyncExternalStore, type ReactNode } from 'react';
import { reach } from './api/reach.ts';

/** A page that asks for nothing asks so often whether the platform is there. */
const LOOK_MS = 10_000;

/** Says over every page that the platform, or the network, is not there; it goes by itself. */
export const Connection = (): ReactNode => {
  const { online } = useNetwork();
  const isAnswering = useSyncExternalStore(reach.watch, reach.isAnswering);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden && reach.silentMs() >= LOOK_MS) reach.doubt();
    }, LOOK_MS / 2);
    return () => clearInterval(timer);
  }, []);
  if (online && isAnswering) return null;
  return (
    <Paper role="alert" className="connection" withBorder p="xs" mb="md">
      <Text fw={600}>
        {online
          ? 'The platform does not answer. What you see may be old; it is asked again.'
          : 'There is no connection. What is shown is from before; it goes on by itself.'}
      </Text>
    </Paper>
  );
};
