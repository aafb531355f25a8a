import { publishedProfileSchema } from '@fornax/contracts';

export { profileVersionSchema, publishedProfileSchema } from '@fornax/contracts';
export const publishedProfilesSchema = publishedProfileSchema.array();
