import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Failed, Waiting } from './states.tsx';

interface AnsweredProps<T> {
  readonly query: UseQueryResult<T>;
  readonly children: (data: T) => ReactNode;
}

/** Shows what was asked for: that it is waited for, what went wrong, or the answer. */
export const Answered = <T,>({ query, children }: AnsweredProps<T>): ReactNode => {
  const { data, error, refetch } = query;
  return (
    <>
      {error !== null && <Failed error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Waiting />}
      {data !== undefined && children(data)}
    </>
  );
};
