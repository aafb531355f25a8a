import { organizationSchema, ownedProjectSchema, tokenSchema } from '@fornax/contracts';

export {
  meSchema,
  newTokenSchema,
  organizationSchema,
  ownedProjectSchema,
  signInLinkSchema,
  tokenSchema,
  userPageSchema,
  userSchema,
} from '@fornax/contracts';
export const tokensSchema = tokenSchema.array();
export const ownedProjectsSchema = ownedProjectSchema.array();
export const organizationsSchema = organizationSchema.array();
