import { Alert, Anchor, Button, Center, Divider, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Refused } from '../api/client.ts';
import { readSignInWays, signIn } from '../api/session.ts';

interface SignInProps {
  readonly trouble: string | undefined;
  readonly onDone: () => void;
}

const textOf = (error: Error): string =>
  error instanceof Refused && error.status === 401 ? 'This token opens nothing here.' : error.message;

/** A way by the identity provider, where one is set up. It leads away from the page, and back to where it was. */
const ByProvider = (): ReactNode => {
  const openId = useQuery({ queryKey: ['sign-in'], queryFn: readSignInWays }).data?.openId;
  if (openId === undefined || openId === null) return null;
  const { pathname, search } = globalThis.location;
  return (
    <>
      <Button component="a" href={`${openId.path}?to=${encodeURIComponent(`${pathname}${search}`)}`}>
        Sign in with {openId.name}
      </Button>
      <Divider label="or with a token" />
    </>
  );
};

/** Exchanges a token for a session, or leads to the identity provider. */
export const SignIn = ({ trouble, onDone }: SignInProps): ReactNode => {
  const [token, setToken] = useState('');
  const { mutate, isPending, error } = useMutation({ mutationFn: () => signIn(token.trim()), onSuccess: onDone });
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder p="xl" w="100%" maw={420}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            mutate();
          }}
        >
          <Stack>
            <Title order={1} size="h2">
              Sign in to Fornax
            </Title>
            {trouble !== undefined && <Alert color="yellow" title={trouble} />}
            <ByProvider />
            <PasswordInput
              label="Token"
              description="What your clients use, too. It is exchanged for a session and not kept."
              value={token}
              onChange={(event) => setToken(event.currentTarget.value)}
              error={error === null ? undefined : textOf(error)}
              autoComplete="current-password"
              data-autofocus
              required
            />
            <Button type="submit" loading={isPending} disabled={token.trim() === ''}>
              Sign in
            </Button>
            <Text size="sm" c="dimmed">
              On the machine of the platform, <code>npx fornax dashboard</code> prints a link that signs you in.{' '}
              <Anchor href="/docs/" inherit underline="always">
                Documentation
              </Anchor>
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
};
