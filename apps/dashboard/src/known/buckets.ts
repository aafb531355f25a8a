import { queryOptions } from '@tanstack/react-query';
import { api, bodyOf } from '../api/client.ts';

/** Buckets that may be seen, with what is in them. */
export const BUCKETS = queryOptions({
  queryKey: ['buckets'],
  queryFn: () => bodyOf(api.GET('/fornax/v1/buckets')),
});
