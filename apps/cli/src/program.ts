import { Command } from 'commander';
import { addBillingCommands } from './commands/billing.js';
import { addSpendingCommands } from './commands/spending.js';
import { addInvoiceCommand, addUsageCommand } from './commands/usage.js';
import { addBucketCommands } from './commands/bucket.js';
import { addBucketExpiryCommands } from './commands/bucket-expiry.js';
import { addBucketFilesCommands } from './commands/bucket-files.js';
import { addBucketObjectsCommands } from './commands/bucket-objects.js';
import { addFleetCommands } from './commands/fleet.js';
import { addHistoryCommands } from './commands/history.js';
import { addJobCommands } from './commands/job.js';
import { addLogAuditCommand } from './commands/log-audit.js';
import { addLogRestoreCommand } from './commands/log-restore.js';
import { addLogStateCommands } from './commands/log-state.js';
import { addLogVerifyCommand } from './commands/log-verify.js';
import { addNodeAccessCommands } from './commands/node-access.js';
import { addNodeCommands } from './commands/node.js';
import { addPoolCommands } from './commands/pool.js';
import { addKeyCommands } from './commands/keys.js';
import { addProjectionCommands } from './commands/projection.js';
import { addProjectCommands } from './commands/project.js';
import { addQuarantineCommands } from './commands/quarantine.js';
import { addQuotaCommands } from './commands/quota.js';
import { addSecretCommands } from './commands/secret.js';
import { addSnapshotCommands } from './commands/snapshot.js';
import { addStorageCommands } from './commands/storage.js';
import { addTaskCommands } from './commands/task.js';
import { addTaskCostCommand } from './commands/task-cost.js';
import { addTaskInstancesCommand } from './commands/task-instances.js';
import { addTaskResultsCommand } from './commands/task-results.js';
import { addTokenCommands } from './commands/token.js';
import { addUserCommands } from './commands/user.js';
import { addWebhookCommands } from './commands/webhook.js';
import type { Io } from './terminal/io.js';

const ENVIRONMENT = `
Environment:
  QARNOT_CLUSTER_URL   the API, e.g. http://127.0.0.1:8080
  QARNOT_CLIENT_TOKEN  who you are
  FORNAX_DATA_DIR      data folder of a platform on this machine; its file "env" is read when the others are not set (.fornax)`;

/** The whole command line; nothing runs until it parses arguments. */
export const buildProgram = (io: Io): Command => {
  const program = new Command('fornax').description('Talk to a Fornax platform').addHelpText('after', ENVIRONMENT);
  const task = addTaskCommands(program, io);
  addTaskInstancesCommand(task, io);
  addTaskCostCommand(task, io);
  addTaskResultsCommand(task, io);
  addHistoryCommands(program, task, io);
  addSnapshotCommands(program, io);
  addJobCommands(program, io);
  addPoolCommands(program, io);
  addUsageCommand(program, io);
  addInvoiceCommand(program, io);
  addBillingCommands(program, io);
  addSpendingCommands(program, io);
  addProjectCommands(program, io);
  addTokenCommands(program, io);
  addQuotaCommands(program, io);
  addUserCommands(program, io);
  addSecretCommands(program, io);
  addKeyCommands(program, io);
  addProjectionCommands(program, io);
  addLogStateCommands(program, io);
  addQuarantineCommands(program, io);
  const bucket = addBucketCommands(program, io);
  addBucketFilesCommands(bucket, io);
  addBucketObjectsCommands(bucket, io);
  addBucketExpiryCommands(bucket, io);
  addStorageCommands(program, io);
  addLogVerifyCommand(program, io);
  addLogRestoreCommand(program, io);
  addLogAuditCommand(program, io);
  addWebhookCommands(program, io);
  addFleetCommands(program, io);
  addNodeAccessCommands(addNodeCommands(program, io), io);
  return program;
};
