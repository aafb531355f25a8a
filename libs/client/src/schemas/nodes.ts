import { nodeTokenSchema } from '@fornax/contracts';

export { newNodeTokenSchema, nodeRevocationSchema, nodeRotationSchema, nodeTokenSchema } from '@fornax/contracts';
export const nodeTokensSchema = nodeTokenSchema.array();
