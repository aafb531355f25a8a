import { bucketGrantSchema, bucketListingSchema, expiryRuleSchema } from '@fornax/contracts';

export {
  bucketGrantSchema,
  bucketListingSchema,
  expiryRuleSchema,
  objectsReindexSchema,
  objectsScrubSchema,
  owedEffectsSchema,
  storageDiskSchema,
  storageUsageSchema,
  usageReconciliationSchema,
} from '@fornax/contracts';
export const bucketListingsSchema = bucketListingSchema.array();
export const bucketGrantsSchema = bucketGrantSchema.array();
export const expiryRulesSchema = expiryRuleSchema.array();
