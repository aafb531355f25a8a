import { Button, Group, Text } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Dialog } from './dialog.tsx';

interface AskFirstProps {
  readonly label: string;
  /** What stands for the label where many have the same. */
  readonly name?: string;
  readonly question: string;
  /** What is lost. */
  readonly detail?: string;
  readonly isPending: boolean;
  readonly onConfirm: () => void;
}

/** A button for what cannot be undone: it asks first. */
export const AskFirst = ({ label, name, question, detail, isPending, onConfirm }: AskFirstProps): ReactNode => {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        loading={isPending}
        aria-label={name ?? label}
        onClick={() => setAsked(true)}
      >
        {label}
      </Button>
      {isAsked && (
        <Dialog onClose={() => setAsked(false)} title={question}>
          {detail !== undefined && (
            <Text size="sm" mb="md">
              {detail}
            </Text>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsked(false)}>
              Leave it
            </Button>
            <Button
              color="red"
              data-autofocus
              onClick={() => {
                setAsked(false);
                onConfirm();
              }}
            >
              {label}
            </Button>
          </Group>
        </Dialog>
      )}
    </>
  );
};
