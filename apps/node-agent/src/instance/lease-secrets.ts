import type { RpcClient } from '@fornax/base';
import {
  type LeaseOrder,
  nodeRpcSubject,
  secretsExcess,
  type SecretsReply,
  secretsReplySchema,
  type SecretsRequest,
} from '@fornax/contracts';
import type { SecretFile } from '@fornax/drivers';

import { UserError } from '../profile/command-of.js';
import { NotGranted, patiently } from './lease-grant.js';

const TIMEOUT_MS = 10_000;

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

/** Asks for the secrets that the instance of a lease may read, a part after the other. They are kept nowhere. */
const secretsOf = async (
  { nodeId, rpc }: { readonly nodeId: string; readonly rpc: RpcClient },
  { leaseId, taskId, instance }: Pick<LeaseOrder, 'leaseId' | 'taskId' | 'instance'>,
  signal: AbortSignal,
): Promise<Part['secrets']> => {
  const secrets: Part['secrets'] = [];
  let after: string | undefined;
  const ask = async (): Promise<Part> => {
    const request: SecretsRequest = { leaseId, taskId, instance, ...(after === undefined ? {} : { after }) };
    const reply = await rpc.request(nodeRpcSubject(nodeId, 'secrets'), request, secretsReplySchema, TIMEOUT_MS);
    if (reply.granted) return reply;
    if (reply.code !== undefined) throw new UserError(reply.code, reply.reason);
    throw new NotGranted(`the platform did not grant the secrets: ${reply.reason}`);
  };
  for (;;) {
    const part = await patiently(ask, signal);
    secrets.push(...part.secrets);
    assertRoom(secrets);
    if (!part.hasMore) return secrets;
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

/** The secrets of a lease as files. Tries for five minutes while nobody answers. @throws NotGranted @throws UserError they are too much, say */
export const fetchSecretFiles = async (...asked: Parameters<typeof secretsOf>): Promise<readonly SecretFile[]> =>
  secretFilesOf(await secretsOf(...asked));
