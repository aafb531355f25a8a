import type { Command } from 'commander';
import type { Io } from './terminal/io.js';

type Add = (program: Command, io: Io) => void;

/** A command of the first level, or several that are defined together. */
export interface Group {
  /** Names with what `fornax --help` says of them. */
  readonly names: Readonly<Record<string, string>>;
  /** Their definitions: read when one of them is asked for, so that starting costs what is used. */
  readonly load: () => Promise<Add>;
}

const task = async (): Promise<Add> => {
  const [
    { addTaskCommands },
    { addTaskAttendCommands },
    { addTaskInstancesCommand },
    { addTaskSessionCommands },
    { addTaskCostCommand },
    { addTaskResultsCommand },
    history,
  ] = await Promise.all([
    import('./commands/task.js'),
    import('./commands/task-attend.js'),
    import('./commands/task-instances.js'),
    import('./commands/task-session.js'),
    import('./commands/task-cost.js'),
    import('./commands/task-results.js'),
    import('./commands/history.js'),
  ]);
  return (program, io) => {
    const group = addTaskCommands(program, io);
    addTaskAttendCommands(group, io);
    addTaskInstancesCommand(group, io);
    addTaskSessionCommands(group, io);
    addTaskCostCommand(group, io);
    addTaskResultsCommand(group, io);
    history.addTaskHistoryCommands(group, io);
  };
};

const bucket = async (): Promise<Add> => {
  const [{ addBucketCommands }, { addBucketFilesCommands }, { addBucketObjectsCommands }, { addBucketExpiryCommands }] =
    await Promise.all([
      import('./commands/bucket.js'),
      import('./commands/bucket-files.js'),
      import('./commands/bucket-objects.js'),
      import('./commands/bucket-expiry.js'),
    ]);
  return (program, io) => {
    const group = addBucketCommands(program, io);
    addBucketFilesCommands(group, io);
    addBucketObjectsCommands(group, io);
    addBucketExpiryCommands(group, io);
  };
};

const log = async (): Promise<Add> => {
  const [state, quarantine, verify, restore, audit] = await Promise.all([
    import('./commands/log-state.js'),
    import('./commands/quarantine.js'),
    import('./commands/log-verify.js'),
    import('./commands/log-restore.js'),
    import('./commands/log-audit.js'),
  ]);
  return (program, io) => {
    state.addLogStateCommands(program, io);
    quarantine.addQuarantineCommands(program, io);
    verify.addLogVerifyCommand(program, io);
    restore.addLogRestoreCommand(program, io);
    audit.addLogAuditCommand(program, io);
  };
};

const node = async (): Promise<Add> => {
  const [{ addNodeCommands }, { addNodeAccessCommands }] = await Promise.all([
    import('./commands/node.js'),
    import('./commands/node-access.js'),
  ]);
  return (program, io) => addNodeAccessCommands(addNodeCommands(program, io), io);
};

/** Every command of the first level, in the order of the help. */
export const GROUPS: readonly Group[] = [
  {
    names: { run: 'run a command on the platform as if it ran here: inputs go there, output and results come back' },
    load: async () => (await import('./commands/run.js')).addRunCommand,
  },
  {
    names: { submit: 'submit a script of any size; prints the id of its task' },
    load: async () => (await import('./commands/submit.js')).addSubmitCommand,
  },
  { names: { task: 'submit tasks and look after them' }, load: task },
  {
    names: { dashboard: 'print a link that signs you in to the dashboard, once, within ten minutes' },
    load: async () => (await import('./commands/dashboard.js')).addDashboardCommand,
  },
  {
    names: { events: 'your tasks as they stand, then what happens to them' },
    load: async () => (await import('./commands/history.js')).addEventsCommand,
  },
  {
    names: { snapshot: 'look at snapshots of tasks, bring their files here' },
    load: async () => (await import('./commands/snapshot.js')).addSnapshotCommands,
  },
  {
    names: { job: 'group tasks that end together and start after each other' },
    load: async () => (await import('./commands/job.js')).addJobCommands,
  },
  {
    names: { profiles: 'what tasks run: profiles of your own' },
    load: async () => (await import('./commands/profiles.js')).addProfilesCommands,
  },
  {
    names: { pool: 'keep nodes prepared, so that tasks start at once' },
    load: async () => (await import('./commands/pool.js')).addPoolCommands,
  },
  {
    names: {
      usage: 'what was used in a period, and what it costs: cores, seconds, instances, failures, money',
      invoice: 'what a project used in a month (YYYY-MM), as a page to print',
    },
    load: async () => {
      const { addUsageCommand, addInvoiceCommand } = await import('./commands/usage.js');
      return (program, io) => {
        addUsageCommand(program, io);
        addInvoiceCommand(program, io);
      };
    },
  },
  {
    names: { billing: 'what computing costs' },
    load: async () => (await import('./commands/billing.js')).addBillingCommands,
  },
  {
    names: { credits: 'credits of accounts', budget: 'budgets of projects' },
    load: async () => (await import('./commands/spending.js')).addSpendingCommands,
  },
  {
    names: { project: 'what tasks are put into' },
    load: async () => (await import('./commands/project.js')).addProjectCommands,
  },
  {
    names: { token: 'what opens the platform for a user' },
    load: async () => (await import('./commands/token.js')).addTokenCommands,
  },
  {
    names: { quota: 'how much may be held and run at once' },
    load: async () => (await import('./commands/quota.js')).addQuotaCommands,
  },
  {
    names: {
      organization: 'groups of users with projects in common',
      user: 'who may use the platform; for operators',
    },
    load: async () => (await import('./commands/user.js')).addUserCommands,
  },
  {
    names: { secret: 'secrets that tasks may be given' },
    load: async () => (await import('./commands/secret.js')).addSecretCommands,
  },
  {
    names: { keys: 'the master key (operators)' },
    load: async () => (await import('./commands/keys.js')).addKeyCommands,
  },
  {
    names: { projection: 'read models: where they stand, and rebuilding them (operators)' },
    load: async () => (await import('./commands/projection.js')).addProjectionCommands,
  },
  {
    names: { logs: 'what a task has printed' },
    load: async () => (await import('./commands/logs.js')).addLogsTo,
  },
  {
    names: { top: 'the platform as it is now, live: fleet, queue, tasks and why they wait' },
    load: async () => (await import('./commands/top.js')).addTopCommand,
  },
  {
    names: { doctor: 'look at a platform from end to end, up or down, and say what to do about what is wrong' },
    load: async () => (await import('./commands/doctor.js')).addDoctorCommand,
  },
  {
    names: {
      health: 'whether the platform works, and if not, why and what to do; exit code 1 when it is not ready',
      log: 'the event log (operators)',
    },
    load: log,
  },
  {
    names: {
      cp: 'copy a folder or a file to a bucket, or back: what differs; one side is a path (./x, /x, a folder here)',
      ls: 'your buckets, or what is in one or below <bucket>/<folder>',
      rm: 'delete an object (<bucket>/<key>), all below a folder (<bucket>/<folder>/), or an empty bucket',
    },
    load: async () => (await import('./commands/files.js')).addFileCommands,
  },
  {
    names: {
      sync: 'make a bucket, or a folder in it, what a folder here is, or the other way round: what differs, modes among it',
    },
    load: async () => (await import('./commands/sync.js')).addSyncCommand,
  },
  { names: { bucket: 'what is in buckets, whose they are, and with whom they are shared' }, load: bucket },
  {
    names: { storage: 'where objects are kept (operators; usage: everybody)' },
    load: async () => (await import('./commands/storage.js')).addStorageCommands,
  },
  {
    names: { webhook: 'tell other services what happens to your tasks' },
    load: async () => (await import('./commands/webhook.js')).addWebhookCommands,
  },
  {
    names: { nodes: 'compute nodes', bill: 'what a task costs, line by line' },
    load: async () => (await import('./commands/fleet.js')).addFleetCommands,
  },
  { names: { node: 'look after compute nodes; for operators' }, load: node },
  {
    names: { completion: 'what a shell is to know to complete what you type: for bash, zsh or fish' },
    load: async () => (await import('./commands/completion.js')).addCompletionCommand,
  },
];
