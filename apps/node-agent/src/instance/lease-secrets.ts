import type { RpcClient } from '@fornax/base';
import {
  type LeaseOrder,
  nodeRpcSubject,
  secretsExcess,
  type SecretsReply,
  secretsReplySchema,
  type SecretsRequest,
} from '@fornax/contracts';
import type { PreparedInstance, SecretFile } from '@fornax/drivers';

import { quoted } from '../files/quoted.js';
import { UserError } from '../failure/user-error.js';
import { NotGranted, patiently } from './lease-grant.js';

const TIMEOUT_MS = 10_000;
/** As long as it is tried to fetch them. */
const ROOM_PATIENCE_MS = 300_000;
/** Keys in one note, and how much of each. */
const MOST_NAMED = 3;
const MOST_KEY_CHARS = 60;

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

type Part = Extract<SecretsReply, { granted: true }>;

/** @throws UserError they are more than memory is kept for, whatever the platform says */
const assertRoom = (secrets: Part['secrets']): void => {
  const excess = secretsExcess({
    count: secrets.length,
    bytes: sum(secrets.map(({ value }) => Buffer.byteLength(value))),
    parts: sum(secrets.map(({ key }) => key.split('/').length)),
  });
  if (excess !== undefined) throw new UserError('FX-SECRETS', excess);
};

/** Whom to ask for secrets. */
export interface SecretWorld {
  readonly nodeId: string;
  readonly rpc: RpcClient;
}
type OwnLease = Pick<LeaseOrder, 'leaseId' | 'taskId' | 'instance'>;
type Wishes = Pick<SecretsRequest, 'wants'>;

/** What the platform has given. */
interface Given {
  readonly secrets: Part['secrets'];
  readonly names: readonly string[];
  readonly missing: readonly string[];
}

const isWithin = ({ wants }: Wishes, asked: string): boolean =>
  wants === undefined || ('key' in wants ? asked === wants.key : asked.startsWith(wants.below));

const askForPart = async (
  { nodeId, rpc }: SecretWorld,
  { leaseId, taskId, instance }: OwnLease,
  rest: Pick<SecretsRequest, 'wants' | 'after'>,
): Promise<Part> => {
  const request: SecretsRequest = { leaseId, taskId, instance, ...rest };
  const reply = await rpc.request(nodeRpcSubject(nodeId, 'secrets'), request, secretsReplySchema, TIMEOUT_MS);
  if (reply.granted) return reply;
  if (reply.code !== undefined) throw new UserError(reply.code, reply.reason);
  throw new NotGranted(`the platform did not grant the secrets: ${reply.reason}`);
};

/**
 * Asks for the secrets that the instance of a lease may read, or some of them, a part after the other. They are kept nowhere.
 * @throws NotGranted the lease is not current @throws UserError they are too much @throws Unavailable, RpcRefused
 */
export const askForSecrets = async (
  world: SecretWorld,
  lease: OwnLease,
  {
    signal,
    again = (ask) => ask(),
    ...wishes
  }: Wishes & {
    readonly signal: AbortSignal;
    /** How a part is asked for again that nobody answers. */
    readonly again?: (ask: () => Promise<Part>, signal: AbortSignal) => Promise<Part>;
  },
): Promise<Given> => {
  const secrets: Part['secrets'] = [];
  const names: string[] = [];
  const missing: string[] = [];
  let after: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    const rest = { ...wishes, ...(after === undefined ? {} : { after }) };
    const part = await again(() => askForPart(world, lease, rest), signal);
    // A platform of before gives all, whatever was asked for.
    secrets.push(...part.secrets.filter(({ key }) => isWithin(wishes, key)));
    names.push(...(part.names ?? part.secrets.map(({ key }) => key)).filter((key) => isWithin(wishes, key)));
    missing.push(...(part.missing ?? []));
    assertRoom(secrets);
    if (!part.hasMore) return { secrets, names, missing };
    const next = part.next ?? part.secrets.at(-1)?.key;
    if (next === undefined || next === after)
      throw new Error('the platform says that there are more secrets, and not where');
    after = next;
  }
};

/** Secrets as files, by their keys. One whose key is also the folder of another cannot be a file, and is left out. */
export const secretFilesOf = (secrets: Part['secrets']): readonly SecretFile[] => {
  const folders = new Set<string>();
  for (const { key } of secrets)
    for (let slash = key.lastIndexOf('/'); slash > 0; slash = key.lastIndexOf('/', slash - 1))
      folders.add(key.slice(0, slash));
  return secrets
    .filter(({ key }) => !folders.has(key))
    .map(({ key, value }) => ({ path: key, content: Buffer.from(value, 'utf8') }));
};

/** Says which keys of a task no secret has: its command finds no files for them. */
export const notesOfMissing = (missing: readonly string[]): readonly string[] => {
  if (missing.length === 0) return [];
  const named = missing.slice(0, MOST_NAMED).map((key) => quoted(key, MOST_KEY_CHARS));
  const more = missing.length > named.length ? ', and more' : '';
  return [`Not all of its secrets are there: no secret has the key ${named.join(', ')}${more}`];
};

/**
 * The secrets of a lease as files, and what to tell of those that are not there. Tries for five minutes while nobody answers.
 * @throws NotGranted @throws UserError they are too much, say
 */
export const fetchSecretFiles = async (
  world: SecretWorld,
  lease: OwnLease,
  signal: AbortSignal,
): Promise<{ readonly files: readonly SecretFile[]; readonly notes: readonly string[] }> => {
  const { secrets, missing } = await askForSecrets(world, lease, { signal, again: patiently });
  return { files: secretFilesOf(secrets), notes: notesOfMissing(missing) };
};

/** Puts secrets there once other instances leave memory for them. @throws Error they have it for five minutes @throws the signal's reason */
export const putSecrets = async (
  prepared: Pick<PreparedInstance, 'putSecrets'>,
  files: readonly SecretFile[],
  signal: AbortSignal,
): Promise<void> => {
  const patience = AbortSignal.timeout(ROOM_PATIENCE_MS);
  try {
    await prepared.putSecrets(files, AbortSignal.any([signal, patience]));
  } catch (error) {
    if (!patience.aborted || signal.aborted) throw error;
    throw new Error('secrets of other instances have the memory that this node keeps for them', { cause: error });
  }
};
