import { Center, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { Refused } from './api/client.ts';
import { readMe, signIn, takeCode } from './api/session.ts';
import { SignIn } from './pages/sign-in.tsx';
import { Failed } from './parts/states.tsx';
import { MeContext } from './known/me.tsx';
import { ME } from './known/queries.ts';

/** The code is used up by the first try, so it is taken once, whatever React does again. */
const code = takeCode();
const withCode: Promise<string | undefined> | undefined =
  code === undefined
    ? undefined
    : signIn(code).then(
        () => undefined,
        () => 'This link was used already or has expired. `npx fornax dashboard` prints another one.',
      );

/** Shows the page to who is signed in, and where to sign in to everybody else. */
export const SignedIn = ({ children }: { readonly children: ReactNode }): ReactNode => {
  const [isTried, setTried] = useState(withCode === undefined);
  const [trouble, setTrouble] = useState<string>();
  useEffect(() => {
    void withCode?.then((said) => {
      setTrouble(said);
      setTried(true);
    });
  }, []);
  const { data, error, refetch } = useQuery({ queryKey: ME, queryFn: readMe, enabled: isTried });
  const isStranger = error instanceof Refused && error.status === 401;
  if (isStranger) return <SignIn trouble={trouble} onDone={() => void refetch()} />;
  if (data !== undefined) return <MeContext value={data}>{children}</MeContext>;
  if (error !== null) return <Failed error={error} onRetry={() => void refetch()} />;
  return (
    <Center h="100vh">
      <Loader aria-label="Loading" />
    </Center>
  );
};
