import { Anchor, AppShell, Burger, Button, Group, Menu, NavLink, useMantineColorScheme } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { readAs } from './api/read-as.ts';
import { readSignedIn, signOut } from './api/session.ts';
import { Connection } from './connection.tsx';
import { useMe } from './known/me.tsx';
import { useMissingParts } from './known/missing-parts.ts';
import { pagesFor } from './pages-for.ts';
import { ReadingAs } from './reading-as.tsx';

/** Finds pages and tasks by name; it is loaded when it is asked for. */
const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }));

const Account = (): ReactNode => {
  const me = useMe();
  // The menu is of who is signed in, whose session it ends.
  const signedIn = useQuery({ queryKey: ['signed-in'], queryFn: readSignedIn, enabled: readAs !== undefined }).data;
  const { email, role } = readAs === undefined ? me : (signedIn ?? { email: 'Account', role: '' });
  const queries = useQueryClient();
  const { setColorScheme, colorScheme } = useMantineColorScheme();
  const leave = useMutation({ mutationFn: signOut, onSettled: () => queries.resetQueries() });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" size="xs" maw={220}>
          {email}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{role}</Menu.Label>
        {(['auto', 'light', 'dark'] as const).map((scheme) => (
          <Menu.Item key={scheme} onClick={() => setColorScheme(scheme)} fw={scheme === colorScheme ? 700 : 400}>
            {scheme === 'auto' ? 'Colors of the system' : `${scheme === 'light' ? 'Light' : 'Dark'} colors`}
          </Menu.Item>
        ))}
        <Menu.Item component="a" href="/docs/">
          Documentation
        </Menu.Item>
        <Menu.Item component="a" href="/docs/api">
          API
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => leave.mutate()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
};

/** The frame of every page. */
export const Shell = (): ReactNode => {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const [isFinding, finding] = useDisclosure(false);
  useHotkeys([['mod+K', finding.open]], []);
  const { role } = useMe();
  const missing = useMissingParts();
  const { pathname } = useLocation();
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 180, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
            <Anchor component={Link} to="/tasks" fw={700} c="inherit" underline="never">
              Fornax
            </Anchor>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Button variant="default" size="xs" aria-keyshortcuts="Control+K" onClick={finding.open}>
              Go to
            </Button>
            <Account />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {pagesFor(role, missing).map(({ to, label }) => (
          <NavLink
            key={to}
            component={Link}
            to={to}
            label={label}
            active={pathname.startsWith(to)}
            onClick={close}
            {...(pathname.startsWith(to) ? { 'aria-current': 'page' as const } : {})}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main>
        <Connection />
        <ReadingAs />
        <Outlet />
        {isFinding && (
          <Suspense>
            <Palette onClose={finding.close} />
          </Suspense>
        )}
      </AppShell.Main>
    </AppShell>
  );
};
