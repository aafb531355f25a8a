import { Button, Center, Group, Loader, Paper, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { Refused } from './api/client.ts';
import { readAs } from './api/read-as.ts';
import { readMe, readSignedIn, signIn, takeCode, takeTrouble } from './api/session.ts';
import { SignIn } from './pages/sign-in.tsx';
import { NotReadable } from './reading-as.tsx';
import { Failed } from './parts/states.tsx';
import { MeContext } from './known/me.tsx';
import { ME } from './known/queries.ts';
import { textOfTrouble } from './known/sign-in-troubles.ts';

const code = takeCode();
const troubleAtProvider = textOfTrouble(takeTrouble());
let opened: Promise<string | undefined> | undefined;

/** The code is used up by the first try, so it is taken once, whatever React does again. @returns what went wrong */
const signInByLink = (): Promise<string | undefined> =>
  (opened ??= signIn(code ?? '').then(
    () => undefined,
    () => 'This link was used already or has expired. `npx fornax dashboard` prints another one.',
  ));

interface OtherSessionProps {
  readonly email: string;
  readonly onStay: () => void;
  readonly onSignIn: () => void;
}

/** Who is signed in already is asked first: somebody else's link would have them work in the account of that one. */
const OtherSession = ({ email, onStay, onSignIn }: OtherSessionProps): ReactNode => (
  <Center component="main" mih="100vh" p="md">
    <Paper withBorder p="xl" w="100%" maw={420}>
      <Stack>
        <Title order={1} size="h2">
          Sign in by this link?
        </Title>
        <Text>
          You are signed in as {email}. The link signs this browser in anew, as whoever made it. If you do not know
          where it comes from, stay.
        </Text>
        <Group>
          <Button onClick={onStay} data-autofocus>
            Stay as {email}
          </Button>
          <Button variant="default" onClick={onSignIn}>
            Sign in by the link
          </Button>
        </Group>
      </Stack>
    </Paper>
  </Center>
);

/** Shows the page to who is signed in, and where to sign in to everybody else. */
export const SignedIn = ({ children }: { readonly children: ReactNode }): ReactNode => {
  const [hasLink, setHasLink] = useState(code !== undefined);
  const [trouble, setTrouble] = useState(troubleAtProvider);
  // A link is of who is signed in, whomever the page reads as: that comes first, and whether one may read so only after it.
  const { data, error, refetch } = useQuery({
    queryKey: hasLink ? ['signed-in'] : ME,
    queryFn: hasLink ? readSignedIn : readMe,
  });
  const isStranger = error instanceof Refused && error.status === 401;
  const takeLink = async (): Promise<void> => {
    setTrouble(await signInByLink());
    await refetch();
    setHasLink(false);
  };
  useEffect(() => {
    if (hasLink && isStranger) void takeLink();
  }, [hasLink, isStranger]);
  if (isStranger && !hasLink) return <SignIn trouble={trouble} onDone={() => void refetch()} />;
  if (data !== undefined && error === null && hasLink)
    return <OtherSession email={data.email} onStay={() => setHasLink(false)} onSignIn={() => void takeLink()} />;
  if (data !== undefined && !isStranger) return <MeContext value={data}>{children}</MeContext>;
  if (error !== null && !isStranger) {
    const Said = readAs === undefined || hasLink ? Failed : NotReadable;
    return <Said error={error} onRetry={() => void refetch()} />;
  }
  return (
    <Center h="100vh">
      <Loader aria-label="Loading" />
    </Center>
  );
};
