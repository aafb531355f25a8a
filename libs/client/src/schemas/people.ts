import {
  organizationSchema,
  ownedProjectSchema,
  projectMemberSchema,
  sharedProjectSchema,
  tokenSchema,
} from '@fornax/contracts';

export {
  meSchema,
  newTokenSchema,
  organizationSchema,
  ownedProjectSchema,
  projectMemberSchema,
  signInLinkSchema,
  tokenSchema,
  userPageSchema,
  userSchema,
} from '@fornax/contracts';
export const tokensSchema = tokenSchema.array();
export const ownedProjectsSchema = ownedProjectSchema.array();
export const projectMembersSchema = projectMemberSchema.array();
export const sharedProjectsSchema = sharedProjectSchema.array();
export const organizationsSchema = organizationSchema.array();
