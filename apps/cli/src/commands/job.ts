import type { NewJob } from '@fornax/client';
import type { Command } from 'commander';
import { listOf } from '../terminal/arguments.js';
import { UsageError } from '../session/connection.js';
import { inLines } from '../session/document-errors.js';
import { documentOf, openDocument, tasksIn } from '../session/job-file.js';
import type { Io } from '../terminal/io.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

interface SubmitOptions {
  readonly name?: string;
  readonly shortname?: string;
  readonly tag?: readonly string[];
  readonly dependencies?: boolean;
  readonly maxWallTime?: string;
  readonly tasks?: string;
}

const newJob = (name: string, { shortname, tag, maxWallTime }: SubmitOptions): NewJob => ({
  name,
  ...(shortname === undefined ? {} : { shortname }),
  ...(tag === undefined ? {} : { tags: tag }),
  ...(maxWallTime === undefined ? {} : { maxWallTime }),
});

/** Creates a job and its tasks, all or nothing. */
const submit = async (io: Io, file: string | undefined, options: SubmitOptions): Promise<void> => {
  const client = io.client();
  const { name } = options;
  if (file !== undefined) {
    if (Object.keys(options).length > 0) throw new UsageError('What a file says is not said by options as well.');
    const document = await openDocument(file);
    const id = await client.jobs.submit(document.body).catch((error: unknown) => {
      throw inLines(error, file, document);
    });
    return io.print(id);
  }
  if (name === undefined) throw new UsageError('A job needs a file, or a name: --name.');
  const { tasks, dependencies = false } = options;
  const job = newJob(name, options);
  io.print(
    tasks === undefined
      ? await client.jobs.create({ ...job, useDependencies: dependencies })
      : await client.jobs.submit(documentOf({ ...job }, await tasksIn(tasks))),
  );
};

const list = async (io: Io): Promise<void> => {
  const rows = (await io.client().jobs.list()).map(({ uuid, name, state, tags, creationDate }) => [
    uuid,
    name,
    state,
    tags.join(','),
    creationDate,
  ]);
  io.table([['ID', 'NAME', 'STATE', 'TAGS', 'CREATED'], ...rows]);
};

const tasks = async (io: Io, id: string): Promise<void> => {
  const rows = (await io.client().jobs.tasks(id)).map(({ uuid, name, state, dependencies }) => [
    uuid,
    name,
    state,
    dependencies?.state ?? '-',
  ]);
  io.table([['ID', 'NAME', 'STATE', 'DEPENDENCIES'], ...rows]);
};

const REPETITIONS = [
  ['retry', 'its tasks that failed, and those that could not start because of it'],
  ['resume', 'its tasks that were cancelled'],
  ['recover', 'its tasks that failed or were cancelled'],
  ['clone', 'all of its tasks'],
] as const;

/** `fornax job …` */
export const addJobCommands = (program: Command, io: Io): void => {
  const job = program.command('job').description('group tasks that end together and start after each other');
  job
    .command('submit [file]')
    .description(
      'create a job with its tasks from a document in YAML or JSON (- reads it from the standard input), all of it or nothing; prints its id',
    )
    .option('-n, --name <name>', 'without a document: its name')
    .option('--shortname <name>', 'another name for its id')
    .option('-t, --tag <tag>', 'to find it by (repeatable)', listOf)
    .option('--dependencies', 'its tasks may start after each other')
    .option('--max-wall-time <time>', 'terminate it after this time: [d.]hh:mm:ss')
    .option('--tasks <file>', 'its tasks, a JSON list; they depend on each other by their shortnames')
    .action((file: string | undefined, options: SubmitOptions) => submit(io, file, options));
  job
    .command('list')
    .description('all jobs, newest first')
    .action(() => list(io));
  job
    .command('get <job>')
    .description('everything about one job (uuid or shortname), as JSON')
    .action(async (id: string) => io.document(await io.client().jobs.get(id)));
  job
    .command('tasks <job>')
    .description('its tasks, oldest first')
    .action((id: string) => tasks(io, id));
  job
    .command('graph <job>')
    .description('its tasks and what they wait for, with the critical path and the expected end, as JSON')
    .option('--dot', 'in the language of Graphviz instead')
    .action(async (id: string, { dot }: { readonly dot?: boolean }) =>
      dot === true
        ? io.print((await io.client().jobs.dot(id)).trimEnd())
        : io.document(await io.client().jobs.graph(id)),
    );
  for (const [kind, which] of REPETITIONS)
    withReason(job.command(`${kind} <job>`).description(`make a job of ${which}, in the same shape; prints its id`))
      .option('--pool <pool>', 'an open pool, by id or shortname: what ran in a pool runs in this one')
      .action(async (id: string, { pool, ...options }: ReasonOptions & { readonly pool?: string }) =>
        io.print(await clientOf(io, options).jobs.repeat(kind, id, pool === undefined ? {} : { pool })),
      );
  withReason(job.command('terminate <job>').description('end it: its tasks that are not over are cancelled')).action(
    (id: string, options: ReasonOptions) => clientOf(io, options).jobs.terminate(id),
  );
  withReason(job.command('delete <job>').description('forget it'))
    .option('-f, --force', 'also while tasks are not over, and with all of them')
    .action((id: string, { force, ...options }: ReasonOptions & { readonly force?: boolean }) =>
      clientOf(io, options).jobs.delete(id, force === true),
    );
};
