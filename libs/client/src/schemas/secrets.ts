export { secretAccessesSchema, secretKeysSchema, secretValueSchema, secretVersionsSchema } from '@fornax/contracts';
