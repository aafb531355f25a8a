export { SubmissionModule } from './submission.module.js';
