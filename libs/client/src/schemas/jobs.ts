import { jobSchema, pageOf, taskSchema } from '@fornax/contracts';

export { createdSchema, jobGraphSchema, jobSchema } from '@fornax/contracts';
export const jobPageSchema = pageOf(jobSchema);
export const tasksSchema = taskSchema.array();
