import { Button, Group, Menu, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { TasksSearch } from '../../address/search.ts';
import { useSavedViews } from '../../known/saved-views.ts';
import { Dialog } from '../../parts/dialog.tsx';

interface ViewsMenuProps {
  readonly search: TasksSearch;
  readonly onOpen: (search: TasksSearch) => void;
}

const MOST_CHARACTERS = 80;

/** Views that were saved: to open, to forget, and the one that is shown to save. */
export const ViewsMenu = ({ search, onOpen }: ViewsMenuProps): ReactNode => {
  const { views, save, forget } = useSavedViews();
  const [name, setName] = useState<string>();
  const isShown = (view: TasksSearch): boolean => JSON.stringify(view) === JSON.stringify(search);
  const shown = views.find((view) => isShown(view.search));
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button variant="default">{shown === undefined ? 'Views' : `View: ${shown.name}`}</Button>
        </Menu.Target>
        <Menu.Dropdown maw={320}>
          <Menu.Item onClick={() => onOpen({})}>All tasks</Menu.Item>
          {views.map((view) => (
            <Menu.Item key={view.name} onClick={() => onOpen(view.search)} fw={view === shown ? 700 : 400}>
              {view.name}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => setName(shown?.name ?? '')}>Save this view</Menu.Item>
          {shown !== undefined && <Menu.Item onClick={() => forget(shown.name)}>Forget {shown.name}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      {name !== undefined && (
        <Dialog onClose={() => setName(undefined)} title="Save this view">
          <form
            onSubmit={(event) => {
              event.preventDefault();
              save({ name: name.trim(), search });
              setName(undefined);
            }}
          >
            <Group align="flex-end">
              <TextInput
                label="Name of the view"
                description="Kept by this browser, for you"
                maxLength={MOST_CHARACTERS}
                data-autofocus
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Button type="submit" disabled={name.trim() === ''}>
                Save
              </Button>
            </Group>
          </form>
        </Dialog>
      )}
    </>
  );
};
