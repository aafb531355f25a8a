import { pageOf, poolSummarySchema, taskSchema } from '@fornax/contracts';

export { createdSchema, poolSchema } from '@fornax/contracts';
export const poolSummaryPageSchema = pageOf(poolSummarySchema);
export const tasksSchema = taskSchema.array();
