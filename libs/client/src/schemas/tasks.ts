import { bulkTaskResultSchema, ownedTaskSummarySchema, pageOf, taskSchema } from '@fornax/contracts';

export { createdSchema, profileSchema, settingsSchema, taskSchema, userInfoSchema } from '@fornax/contracts';
export const taskPageSchema = pageOf(taskSchema);
export const ownedTaskPageSchema = pageOf(ownedTaskSummarySchema);
export const bulkTaskResultsSchema = bulkTaskResultSchema.array();
