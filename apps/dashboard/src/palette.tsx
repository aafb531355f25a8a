import { Combobox, ScrollArea, Text, TextInput, useCombobox, useMantineColorScheme } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState, type ReactNode } from 'react';
import { readJobPage } from './api/jobs.ts';
import { readTaskPage } from './api/tasks.ts';
import { useMe } from './known/me.tsx';
import { useMissingParts } from './known/missing-parts.ts';
import { pagesFor } from './pages-for.ts';
import { Dialog } from './parts/dialog.tsx';

interface Command {
  readonly key: string;
  readonly label: string;
  readonly kind: string;
  readonly run: () => void;
}

const MOST_FOUND = 8;

/** Finds pages, tasks, jobs and what else can be done by a few letters. */
export const Palette = ({ onClose }: { readonly onClose: () => void }): ReactNode => {
  const [text, setText] = useState('');
  const [asked] = useDebouncedValue(text.trim(), 200);
  const navigate = useNavigate();
  const { role } = useMe();
  const missing = useMissingParts();
  const { setColorScheme } = useMantineColorScheme();
  const combobox = useCombobox({ opened: true });
  const { data: found = [] } = useQuery({
    queryKey: ['palette', asked],
    enabled: asked !== '',
    queryFn: async (): Promise<readonly Command[]> => {
      const [tasks, jobs] = await Promise.all([readTaskPage({ name: asked }, ''), readJobPage({ name: asked }, '')]);
      return [
        ...tasks.data.slice(0, MOST_FOUND).map(({ uuid, name }) => ({
          key: `task ${uuid}`,
          label: name,
          kind: 'Task',
          run: () => void navigate({ to: '/tasks/$id', params: { id: uuid } }),
        })),
        ...jobs.data.slice(0, MOST_FOUND).map(({ uuid, name }) => ({
          key: `job ${uuid}`,
          label: name,
          kind: 'Job',
          run: () => void navigate({ to: '/jobs/$id', params: { id: uuid } }),
        })),
      ];
    },
  });
  const fixed: readonly Command[] = [
    ...pagesFor(role, missing).map(({ to, label }) => ({
      key: to,
      label,
      kind: 'Page',
      run: () => void navigate({ to }),
    })),
    ...(['light', 'dark', 'auto'] as const).map((scheme) => ({
      key: scheme,
      label: scheme === 'auto' ? 'Colors of the system' : `${scheme === 'light' ? 'Light' : 'Dark'} colors`,
      kind: 'Colors',
      run: () => setColorScheme(scheme),
    })),
  ];
  const commands = [
    ...fixed.filter(({ label }) => label.toLowerCase().includes(text.trim().toLowerCase())),
    ...(text.trim() === '' ? [] : found),
  ];
  const shape = commands.map(({ key }) => key).join(' ');
  useEffect(() => {
    combobox.selectFirstOption();
    // What is chosen follows what is shown, and nothing else.
  }, [shape]);
  return (
    <Dialog onClose={onClose} title="Go to" yOffset="10vh">
      <Combobox
        store={combobox}
        withinPortal={false}
        onOptionSubmit={(key) => {
          onClose();
          commands.find((command) => command.key === key)?.run();
        }}
      >
        <Combobox.EventsTarget>
          <TextInput
            data-autofocus
            aria-label="A page, or the beginning of the name of a task or job"
            placeholder="A page, a task, a job"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        </Combobox.EventsTarget>
        <ScrollArea.Autosize mah="50vh" mt="xs">
          <Combobox.Options aria-label="What is found">
            {commands.length === 0 && <Combobox.Empty>Nothing is called so</Combobox.Empty>}
            {commands.map(({ key, label, kind }) => (
              <Combobox.Option key={key} value={key}>
                {label}{' '}
                <Text component="span" size="xs">
                  {kind}
                </Text>
              </Combobox.Option>
            ))}
          </Combobox.Options>
        </ScrollArea.Autosize>
      </Combobox>
    </Dialog>
  );
};
