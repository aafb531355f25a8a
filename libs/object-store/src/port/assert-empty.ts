import { type ListOptions, type Listing, StoreRefusal } from './object-store.js';

/** @throws StoreRefusal BucketNotEmpty */
export const assertEmpty = async (bucket: string, list: (options: ListOptions) => Promise<Listing>): Promise<void> => {
  const { objects } = await list({ limit: 1 });
  if (objects.length > 0) throw new StoreRefusal('BucketNotEmpty', `there are objects in the bucket ${bucket}`);
};
