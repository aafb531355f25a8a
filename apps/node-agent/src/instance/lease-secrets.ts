import type { RpcClient } from '@fornax/base';
import {
  type LeaseOrder,
  nodeRpcSubject,
  type SecretsReply,
  secretsReplySchema,
  type SecretsRequest,
} from '@fornax/contracts';
import type { SecretFile } from '@fornax/drivers';

import { NotGranted, patiently } from './lease-grant.js';

const TIMEOUT_MS = 10_000;

type Part = Extract<SecretsReply, { granted: true }>;

/** Asks for the secrets that the instance of a lease may read, a part after the other. They are kept nowhere. */
const secretsOf = async (
  { nodeId, rpc }: { readonly nodeId: string; readonly rpc: RpcClient },
  { leaseId, taskId, instance }: Pick<LeaseOrder, 'leaseId' | 'taskId' | 'instance'>,
  signal: AbortSignal,
): Promise<Part['secrets']> => {
  const secrets: Part['secrets'] = [];
  const ask = async (): Promise<Part> => {
    const after = secrets.at(-1)?.key;
    const request: SecretsRequest = { leaseId, taskId, instance, ...(after === undefined ? {} : { after }) };
    const reply = await rpc.request(nodeRpcSubject(nodeId, 'secrets'), request, secretsReplySchema, TIMEOUT_MS);
    if (!reply.granted) throw new NotGranted(`the platform did not grant the secrets: ${reply.reason}`);
    return reply;
  };
  for (;;) {
    const part = await patiently(ask, signal);
    secrets.push(...part.secrets);
    if (!part.hasMore || part.secrets.length === 0) return secrets;
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

/** The secrets of a lease as files. Tries for five minutes while nobody answers. @throws Error the platform does not grant them */
export const fetchSecretFiles = async (...asked: Parameters<typeof secretsOf>): Promise<readonly SecretFile[]> =>
  secretFilesOf(await secretsOf(...asked));
