import { parseArgs } from 'node:util';
import { join, resolve } from 'node:path';

import { ConfigError, type Env, RpcClient } from '@fornax/base';
import { nodeNameSchema, nodeRpcSubject, rotateReplySchema } from '@fornax/contracts';
import { connectNats } from '@fornax/event-store';

import { defaultName, joinPlatform } from './join.js';
import { KeyRing } from './key-ring.js';
import { readNodeFile, type NodeFile } from './node-file.js';
import { assertMayBeRemote } from './server-version.js';

export interface Surroundings {
  readonly env: Env;
  readonly print: (line: string) => void;
  readonly tell: (line: string) => void;
  readonly readStdin: () => Promise<string>;
  /** Works as a node until the process is asked to stop. */
  readonly work: (env: Env, keys: KeyRing) => Promise<void>;
}

/** What the person did wrong; shown with where to find help. */
class UsageError extends Error {}

const DEFAULT_FOLDER = '.fornax-node';
const CONNECT_TIMEOUT_MS = 10_000;
const RPC_TIMEOUT_MS = 5_000;

const HELP: Readonly<Record<string, string>> = {
  '': `Usage: fornax-node <command> [options]

Makes this machine a node of a Fornax platform, and runs it.

Commands:
  join <url> <token>   become a node: once, with a token from "fornax node token" on the platform's side, then work
  run                  work, after a join; needs no token any more
  rotate               make a new key and let the old one expire
  status               which node this is, and whether the platform lets it in

"fornax-node <command> --help" tells more about one of them.

Environment:
  FORNAX_NODE_TOKEN    the token, for join, instead of an argument that other users of this machine can see
  FORNAX_NODE_FOLDER   where the node keeps its key and its work (${DEFAULT_FOLDER})
  Settings of the agent, such as FORNAX_NODE_CORES or FORNAX_NODE_SANDBOX, are those of docs/reference/settings.md.`,
  join: `Usage: fornax-node join <url> [token] [options]

Becomes a node of the platform at <url> (its API, e.g. https://fornax.example.org), and works. The token opens once; the key that it is
used for is made here and stays here, in <dir>/node.json (mode 600). Later starts are "fornax-node run".

The token may come from FORNAX_NODE_TOKEN, or with "-" from standard input, so that it is in no list of processes.

Options:
  --name <name>   what the node is called; default: this machine's name
  --dir <folder>  where it keeps its key and its work (default: FORNAX_NODE_FOLDER, or ${DEFAULT_FOLDER})
  --no-start      join only
  --help`,
  run: `Usage: fornax-node run [--dir <folder>]

Works as the node that joined in this folder, until SIGTERM or Ctrl-C. When the platform or its registry is away it waits and tries again.`,
  rotate: `Usage: fornax-node rotate [--dir <folder>]

Makes a new key and connects with it once, after which the old one opens nothing. An agent that runs changes over by itself.`,
  status: `Usage: fornax-node status [--dir <folder>]

Says which node this is, and whether the platform lets it in now. Exit code 1 when it does not.`,
};

interface Call {
  readonly command: string;
  readonly positionals: readonly string[];
  readonly folder: string;
  readonly name: string | undefined;
  readonly isStarting: boolean;
  readonly isHelp: boolean;
}

const parse = (args: readonly string[], env: Env): Call => {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        dir: { type: 'string' },
        'no-start': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const [command = '', ...rest] = positionals;
    return {
      command,
      positionals: rest,
      folder: resolve(values.dir ?? env['FORNAX_NODE_FOLDER'] ?? DEFAULT_FOLDER),
      name: values.name,
      isStarting: values['no-start'] !== true,
      isHelp: values.help === true,
    };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

const joined = (folder: string): NodeFile & { readonly joined: NonNullable<NodeFile['joined']> } => {
  const file = readNodeFile(folder);
  if (!file?.joined)
    throw new ConfigError(
      `${folder} holds no node: join first, with "fornax-node join <url> <token>" (or name the folder with --dir)`,
    );
  return { ...file, joined: file.joined };
};

/** Connects once, as the node would. @throws ConfigError why not */
const connectOnce = async (folder: string, env: Env) => {
  const { name, joined: addresses } = joined(folder);
  const url = env['FORNAX_NATS_URL'] ?? addresses.natsUrl;
  const keys = new KeyRing(folder);
  const deadline = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  const giveUp = new AbortController();
  let refusals = 0;
  try {
    const nc = await connectNats({
      url,
      name: `fornax-node ${name}`,
      inboxPrefix: `_INBOX_${name}`,
      credentials: () => keys.credentials(),
      onRefused: () => {
        keys.refused();
        // Both keys, and once more, because a registry that was just told may not be the one that is asked.
        if ((refusals += 1) >= 4) giveUp.abort();
      },
      signal: AbortSignal.any([deadline, giveUp.signal]),
    });
    await keys.connected();
    assertMayBeRemote(url, nc.info?.version ?? '');
    return { nc, name, keys };
  } catch (error) {
    if (refusals > 0)
      throw new ConfigError(
        `the platform's NATS server at ${url} refuses ${name}: it was revoked, or the platform's node registry is away`,
      );
    if (!deadline.aborted) throw error;
    throw new ConfigError(
      `the platform's NATS server cannot be reached at ${url} from here. If that address is wrong, the operator sets ` +
        'FORNAX_PUBLIC_NATS_URL (and the server listens there); this machine can be told another one with FORNAX_NATS_URL.',
    );
  }
};

const tokenOf = async (given: string | undefined, { env, readStdin }: Surroundings): Promise<string> => {
  const token = (given === '-' ? await readStdin() : (given ?? env['FORNAX_NODE_TOKEN'] ?? '')).trim();
  if (token === '')
    throw new UsageError(
      'no token: give it as an argument, in FORNAX_NODE_TOKEN, or "-" to read it from standard input',
    );
  return token;
};

const nameOf = (given: string | undefined): string => {
  const name = given ?? defaultName();
  if (name === undefined)
    throw new UsageError("this machine's name cannot be the name of a node: choose one with --name");
  const parsed = nodeNameSchema.safeParse(name);
  if (parsed.success) return name;
  throw new UsageError(`--name ${name}: ${parsed.error.issues.map(({ message }) => message).join('; ')}`);
};

const isPlainAcross = (url: string): boolean => {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && hostname !== 'localhost' && hostname !== '[::1]' && !hostname.startsWith('127.');
};

const runJoin = async (call: Call, around: Surroundings): Promise<void> => {
  const [url, given, ...rest] = call.positionals;
  if (url === undefined || rest.length > 0) throw new UsageError('join takes the address of a platform and a token');
  const name = nameOf(call.name);
  const token = await tokenOf(given, around);
  const { folder } = call;
  around.tell(`joining ${url} as ${name}`);
  const warnings = await joinPlatform({ url, token, name, folder });
  if (isPlainAcross(url))
    around.tell('warning: the token went over the network unencrypted (http): use https where others listen');
  for (const warning of warnings) around.tell(`warning: ${warning}`);
  const { nc } = await connectOnce(folder, around.env);
  await nc.close();
  around.print(`${name} is a node of ${url}; its key is in ${join(folder, 'node.json')}`);
  if (call.isStarting) await run(call, around);
};

const run = async ({ folder }: Call, { env, work }: Surroundings): Promise<void> => {
  const { name, joined: addresses } = joined(folder);
  const { FORNAX_NODE_TOKEN: _token, FORNAX_NATS_USER: _user, FORNAX_NATS_PASSWORD: _password, ...rest } = env;
  await work(
    {
      FORNAX_NATS_URL: addresses.natsUrl,
      FORNAX_PUBLIC_STORAGE_URL: addresses.storageUrl,
      ...rest,
      FORNAX_NODE_ID: name,
      // The key is beside the folder that instances run in, and hidden from them.
      FORNAX_DATA_DIR: folder,
      FORNAX_NODE_DIR: join(folder, 'work'),
    },
    new KeyRing(folder),
  );
};

const rotate = async ({ folder }: Call, { env, print }: Surroundings): Promise<void> => {
  const { nc, name, keys } = await connectOnce(folder, env);
  try {
    const publicKey = await keys.prepare();
    const request = { nodeId: name, publicKey };
    await new RpcClient(nc).request(nodeRpcSubject(name, 'rotate'), request, rotateReplySchema, RPC_TIMEOUT_MS);
  } finally {
    await nc.close();
  }
  const again = await connectOnce(folder, env);
  await again.nc.close();
  print(`${name} has a new key; the old one opens nothing any more`);
};

const status = async ({ folder }: Call, { env, print }: Surroundings): Promise<void> => {
  const { name, platform, nextSeed, joined: addresses } = joined(folder);
  print(`node      ${name}`);
  print(`platform  ${platform}`);
  print(`NATS      ${env['FORNAX_NATS_URL'] ?? addresses.natsUrl}`);
  print(`storage   ${addresses.storageUrl}`);
  print(`folder    ${folder}${nextSeed === undefined ? '' : ' (a new key waits to be used)'}`);
  const { nc } = await connectOnce(folder, env);
  print(`access    open (nats-server ${nc.info?.version ?? 'unknown'})`);
  await nc.close();
};

const COMMANDS: Readonly<Record<string, (call: Call, around: Surroundings) => Promise<void>>> = {
  join: runJoin,
  run,
  rotate,
  status,
};

/** Runs one command. @returns the exit code: 0, 1 for a no, 2 for a wrong call */
export const runFornaxNode = async (args: readonly string[], around: Surroundings): Promise<number> => {
  try {
    const call = parse(args, around.env);
    const help = HELP[call.command === 'help' ? (call.positionals[0] ?? '') : call.command];
    if (call.isHelp || call.command === 'help' || call.command === '') {
      around.print(help ?? HELP[''] ?? '');
      return call.command === '' && !call.isHelp ? 2 : 0;
    }
    const command = COMMANDS[call.command];
    if (!command) throw new UsageError(`there is no command ${call.command}`);
    if (call.command !== 'join' && call.positionals.length > 0)
      throw new UsageError(`${call.command} takes no ${call.positionals.join(' ')}`);
    await command(call, around);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      around.tell(`fornax-node: ${error.message}\nSee fornax-node --help.`);
      return 2;
    }
    if (!(error instanceof Error)) throw error;
    around.tell(`fornax-node: ${error.message}`);
    return 1;
  }
};
