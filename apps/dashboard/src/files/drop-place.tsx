import { Button, Group, Paper, Progress, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useDropzone } from 'react-dropzone';
import { bytes } from '../parts/format.tsx';
import { chosenOf, type Chosen, type Sending } from './use-uploads.ts';

interface DropPlaceProps {
  readonly label: string;
  readonly onFiles: (chosen: readonly Chosen[]) => void;
  readonly children?: ReactNode;
}

/** Where files and folders are dropped, or chosen. */
export const DropPlace = ({ label, onFiles, children }: DropPlaceProps): ReactNode => {
  const { getRootProps, getInputProps, open, isDragActive } = useDropzone({
    noClick: true,
    noKeyboard: true,
    onDrop: (files) => {
      if (files.length > 0) onFiles(chosenOf(files));
    },
  });
  return (
    <Paper withBorder p="sm" {...getRootProps()} className={isDragActive ? 'drop drop-over' : 'drop'}>
      <input {...getInputProps({ 'aria-label': label })} />
      <Group justify="space-between">
        <Text size="sm">{isDragActive ? 'Let go to take them' : 'Drop files or folders here, or'}</Text>
        <Button size="xs" variant="default" onClick={open}>
          Choose files
        </Button>
      </Group>
      {children}
    </Paper>
  );
};

const WORDS = { waits: 'waits', goes: '', done: 'is there', failed: 'failed' } as const;

/** How far files are on their way up. */
export const SendingList = ({ sending }: { readonly sending: readonly Sending[] }): ReactNode =>
  sending.length > 0 && (
    <Stack gap={4} mt="xs" role="status">
      {sending.map(({ key, bytes: size, sent, state, trouble }) => (
        <div key={key}>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm" className="cut">
              {key}
            </Text>
            <Text size="sm" c="dimmed">
              {state === 'goes' ? `${bytes(sent)} of ${bytes(size)}` : WORDS[state]}
            </Text>
          </Group>
          {state === 'goes' && (
            <Progress value={size === 0 ? 100 : (100 * sent) / size} aria-label={`${key} is sent`} />
          )}
          {trouble !== undefined && <Text size="sm">{trouble}</Text>}
        </div>
      ))}
    </Stack>
  );
