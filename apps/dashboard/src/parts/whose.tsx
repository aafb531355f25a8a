import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Rights } from '../api/wire.ts';

interface WhoseProps {
  readonly uuid: string;
  readonly rights: Rights | undefined;
  readonly children?: ReactNode;
}

/** Names something by its id, and its owner where that is somebody else. */
export const Whose = ({ uuid, rights, children }: WhoseProps): ReactNode => (
  <Text size="xs" c="dimmed">
    {uuid}
    {rights === undefined || rights.may === 'own' ? '' : ` · of ${rights.owner.name}`}
    {children}
  </Text>
);
