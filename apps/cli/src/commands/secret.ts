import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type Command, InvalidArgumentError } from 'commander';
import type { AskedAccesses } from '@fornax/client';
import { UsageError } from '../session/connection.js';
import type { Io } from '../terminal/io.js';
import type { OwnerOptions } from './others.js';

interface FileOptions {
  readonly file: string;
}
interface AccessOptions extends OwnerOptions {
  readonly key?: string;
  readonly task?: string;
  readonly from?: string;
  readonly to?: string;
  readonly most: number;
}

const wholeNumber = (given: string): number => {
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given);
  throw new InvalidArgumentError('must be a whole number, 1 or more');
};

/** Values come by a file or the standard input: whoever sees the processes of a machine sees arguments. They are taken as they are. */
const valueIn = async (file: string): Promise<string> => {
  try {
    return await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const versions = async (io: Io, key: string): Promise<void> => {
  const rows = (await io.client().secrets.versions(key)).map(({ version, createdAt, restoredFrom }) => [
    version,
    createdAt,
    restoredFrom === null ? '' : `of version ${restoredFrom}`,
  ]);
  io.table([['VERSION', 'CREATED', ''], ...rows]);
};

const accesses = async (io: Io, { key, task, from, to, most, owner }: AccessOptions): Promise<void> => {
  const asked: AskedAccesses = {
    ...(key === undefined ? {} : { key }),
    ...(task === undefined ? {} : { taskUuid: task }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const client = owner === undefined ? io.client() : io.client().readingAs(owner);
  const rows: (string | number)[][] = [];
  for await (const one of client.secrets.accesses(asked)) {
    if (rows.length === most) {
      io.tell(`There are more than ${most}: --most, --from and --to ask for others.`);
      break;
    }
    const instance = one.taskUuid === null ? '' : `${one.taskUuid}[${one.instanceId ?? ''}] on ${one.node ?? ''}`;
    rows.push([one.at, one.key, one.version, one.way, one.taskUuid === null ? one.actor : instance]);
  }
  io.table([['AT', 'KEY', 'VERSION', 'WAY', 'TO'], ...rows]);
};

/** `fornax secret …` */
export const addSecretCommands = (program: Command, io: Io): void => {
  const secret = program.command('secret').description('secrets that tasks may be given');
  const file = ['-f, --file <path>', 'the file with the value, as it is; - for the standard input', '-'] as const;
  secret
    .command('list [folder]')
    .description('names directly below a folder')
    .action(async (folder?: string) => {
      for (const name of await io.client().secrets.list(folder)) io.print(name);
    });
  secret
    .command('get <key>')
    .description('print the value, as it is; the log says that you saw it')
    .option('-v, --version <number>', 'an earlier one', wholeNumber)
    .action(async (key: string, { version }: { readonly version?: number }) =>
      io.write(await io.client().secrets.get(key, version)),
    );
  secret
    .command('create <key>')
    .description('keep a value under a new key')
    .option(...file)
    .action(async (key: string, options: FileOptions) => io.client().secrets.create(key, await valueIn(options.file)));
  secret
    .command('update <key>')
    .description('give a secret another value; earlier ones are kept as versions')
    .option(...file)
    .action(async (key: string, options: FileOptions) => io.client().secrets.update(key, await valueIn(options.file)));
  secret
    .command('delete <key>')
    .description('delete a secret with all versions, for good')
    .action((key: string) => io.client().secrets.delete(key));
  secret
    .command('versions <key>')
    .description('the versions that can be read')
    .action((key: string) => versions(io, key));
  secret
    .command('rollback <key> <version>')
    .description('give a secret the value of an earlier version again, as a new one')
    .action((key: string, version: string) => io.client().secrets.rollBack(key, wholeNumber(version)));
  secret
    .command('accesses')
    .description('who was given which secret in which version, newest first')
    .option('-k, --key <key>', 'of one secret, or with a slash at the end of a folder')
    .option('-t, --task <task>', 'of the instances of one task, or the slots of a pool')
    .option('--from <date>', 'not before')
    .option('--to <date>', 'before')
    .option('--most <number>', 'rows', wholeNumber, 100)
    .option('--owner <user>', 'whose secrets they are, by e-mail or id: for whoever may read as that user')
    .action((options: AccessOptions) => accesses(io, options));
};
