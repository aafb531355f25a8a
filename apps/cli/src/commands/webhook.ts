import type { WebhookRecord } from '@fornax/client';
import type { Command } from 'commander';
import type { Io } from '../terminal/io.js';

const listOf = (text: string, before: readonly string[] = []): readonly string[] => [...before, ...text.split(',')];

interface CreateOptions {
  readonly name?: string;
  readonly task?: readonly string[];
  readonly type?: readonly string[];
  readonly from?: string;
}
const create = async (io: Io, url: string, { name, task, type, from }: CreateOptions): Promise<void> => {
  const wanted = {
    url,
    ...(name === undefined ? {} : { name }),
    ...(task === undefined ? {} : { tasks: task }),
    ...(type === undefined ? {} : { types: type }),
    ...(from === undefined ? {} : { from }),
  };
  const { id, secret } = await io.client().history.createWebhook(wanted);
  io.tell('the signing secret, which is not shown again, is in the second line');
  io.print(id);
  io.print(secret);
};

const rowOf = ({ id, name, url, state, position, failures, parkedReason, lastError }: WebhookRecord) => [
  id,
  name,
  state,
  position,
  failures,
  url,
  parkedReason ?? lastError ?? '',
];
const print = (io: Io, webhooks: readonly WebhookRecord[]): void =>
  io.table([['ID', 'NAME', 'STATE', 'POSITION', 'FAILURES', 'URL', 'TROUBLE'], ...webhooks.map(rowOf)]);

const test = async (io: Io, id: string): Promise<void> => {
  const { ok, status, error, durationMs } = await io.client().history.testWebhook(id);
  io.print(ok ? `taken with HTTP ${status ?? ''} after ${durationMs} ms` : `not taken: ${error ?? 'no answer'}`);
  if (!ok) io.setExitCode(1);
};

/** `fornax webhook …` */
export const addWebhookCommands = (program: Command, io: Io): void => {
  const webhook = program.command('webhook').description('tell other services what happens to your tasks');
  webhook
    .command('create <url>')
    .description('register a webhook; prints its id and, once, its signing secret')
    .option('-n, --name <name>', 'for people')
    .option('-t, --task <task>', 'only these tasks (repeatable)', listOf)
    .option('--type <type>', 'only events of this type (repeatable)', listOf)
    .option('--from <place>', 'begin with what happened since this sequence or instant')
    .action((url: string, options: CreateOptions) => create(io, url, options));
  webhook
    .command('list')
    .description('your webhooks and how their deliveries go')
    .action(async () => print(io, await io.client().history.webhooks()));
  webhook
    .command('get <id>')
    .description('one webhook, as JSON')
    .action(async (id: string) => io.document(await io.client().history.webhook(id)));
  webhook
    .command('resume <id>')
    .description('go on with a parked webhook where it stopped')
    .action(async (id: string) => print(io, [await io.client().history.resumeWebhook(id)]));
  webhook
    .command('replay <id>')
    .description('send everything again from a place in the log on')
    .requiredOption('--from <place>', 'a sequence, or an instant such as 2026-01-31T12:00:00Z')
    .action(async (id: string, { from }: { from: string }) =>
      print(io, [await io.client().history.replayWebhook(id, from)]),
    );
  webhook
    .command('test <id>')
    .description('send one message now; exit code 1 unless it is taken')
    .action((id: string) => test(io, id));
  webhook
    .command('delete <id>')
    .description('send nothing any more')
    .action((id: string) => io.client().history.deleteWebhook(id));
};
