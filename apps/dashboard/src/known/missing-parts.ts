import { useQuery } from '@tanstack/react-query';
import { api } from '../api/client.ts';

/** What a platform may be without. */
export type Part = 'storage' | 'billing';

const NOT_FOUND = 404;

/** A route that nobody serves is one of a service that is not there; one that does not answer is there all the same. */
const readMissing = async (): Promise<readonly Part[]> => {
  const [settings, prices] = await Promise.all([api.GET('/settings'), api.GET('/fornax/v1/billing/prices')]);
  return [
    ...(settings.data?.storage === null ? (['storage'] as const) : []),
    ...(prices.response.status === NOT_FOUND ? (['billing'] as const) : []),
  ];
};

/** What the platform does not have; nothing while that is not known. */
export const useMissingParts = (): readonly Part[] =>
  useQuery({ queryKey: ['missing-parts'], queryFn: readMissing, staleTime: Infinity }).data ?? [];
