import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient, type QueryKey, type UseMutationResult } from '@tanstack/react-query';

/**
 * Does something to the platform, says when it was refused, and asks anew for what it may have changed. What it was done with, and what came of it, is
 * forgotten then: it may be a secret.
 * @param queryKey of what is asked for again, whatever came of it
 */
export const useAction = <V, T>(
  run: (value: V) => Promise<T>,
  queryKey: QueryKey,
  onDone?: (answer: T) => void,
): UseMutationResult<T, Error, V> => {
  const queries = useQueryClient();
  const mutation = useMutation({
    mutationFn: run,
    gcTime: 0,
    onError: ({ message }) => notifications.show({ color: 'red', title: 'That was refused', message }),
    onSuccess: (answer) => onDone?.(answer),
    onSettled: async () => {
      await queries.invalidateQueries({ queryKey });
      mutation.reset();
    },
  });
  return mutation;
};
