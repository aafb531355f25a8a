import {
  type GrantReply,
  type GrantRequest,
  inputsOf,
  type InstanceRow,
  type LeaseClaims,
  prefixOf,
  type Restore,
  type secretRightsRequestSchema,
  type SecretRightsReply,
  SubstitutionTooLong,
} from '@fornax/contracts';
import { folderOf, pinnedInputs, type ResourceBucket, type TaskSpec } from '@fornax/domain';
import { constantIdentity, dataKeyIdentity, keptKeyIn, SealedElsewhere } from '@fornax/identity';
import type { z } from 'zod';
import type { SchedulerView } from '../view/scheduler-view.js';
import type { TaskEntry } from '../view/task-entry.js';

/** The part of the sealer that opens a task's secrets. */
export interface SecretOpener {
  unwrap(wrapped: string, identity?: string): Uint8Array;
  open(key: Uint8Array, sealed: string, identity?: string): string;
}

export interface GrantOptions {
  readonly secrets: SecretOpener;
  readonly sign: (claims: LeaseClaims) => {
    readonly accessKey: string;
    readonly secretKey: string;
    readonly sessionToken: string;
  };
  readonly now: number;
  /** What the table of the task says of the instance; null: the table is lost. */
  readonly row?: InstanceRow | null;
  /** The data key of its constants, wrapped, where it is kept outside of the log; null: it is not there any more. */
  readonly keptKey?: string | null | undefined;
  /** What the instance begins with; null: what was asked for is not there. */
  readonly restore?: Restore | null | undefined;
}

/** An upper bound only: storage asks whether the lease still lives. */
const GRANT_VALID_MS = 24 * 60 * 60 * 1_000;

/** True while the lease is the current one of its instance. */
export const isCurrentLease = (entry: TaskEntry | undefined, instance: number, leaseId: string): boolean =>
  entry?.state.inFlight.get(instance)?.leaseId === leaseId;

/** Which secrets the instance of a lease may read, if the lease is current on the node that asks. */
export const secretRightsOf = (
  view: SchedulerView,
  { taskId, instance, leaseId, node }: z.output<typeof secretRightsRequestSchema>,
): SecretRightsReply => {
  const entry = view.task(taskId);
  const isItsOwn = isCurrentLease(entry, instance, leaseId) && entry?.state.inFlight.get(instance)?.node === node;
  if (!entry || !isItsOwn) return { current: false };
  const { owner, spec } = entry.state;
  const { keys, prefixes } = spec.secretRights ?? { keys: [], prefixes: [] };
  return { current: true, owner, keys: [...keys], prefixes: [...prefixes] };
};

/** The key of sealed constants; undefined when it is lost. @throws SealedElsewhere */
const keyOf = (
  wrappedKey: string,
  { secrets, keptKey }: Pick<GrantOptions, 'secrets' | 'keptKey'>,
): Uint8Array | undefined => {
  const keyId = keptKeyIn(wrappedKey);
  if (keyId === undefined) return secrets.unwrap(wrappedKey);
  return keptKey ? secrets.unwrap(keptKey, dataKeyIdentity(keyId)) : undefined;
};

/** Undefined when the key that they were sealed with is lost. */
const openSecrets = (
  taskId: string,
  { constants, wrappedKey }: TaskSpec,
  options: Pick<GrantOptions, 'secrets' | 'keptKey'>,
): Readonly<Record<string, string>> | undefined => {
  const sealed = constants.filter((constant) => 'sealed' in constant);
  if (sealed.length === 0 || wrappedKey === undefined) return {};
  try {
    const key = keyOf(wrappedKey, options);
    if (key === undefined) return undefined;
    return Object.fromEntries(
      sealed.map(({ key: name, sealed: envelope }) => [
        name,
        options.secrets.open(key, envelope, constantIdentity(taskId, wrappedKey, name)),
      ]),
    );
  } catch (error) {
    if (error instanceof SealedElsewhere) return undefined;
    throw error;
  }
};

/** Submission refuses prefixes that grow too long; one that does by constants given later is the name of no object. */
const orRaw = <T>(filledIn: () => T, raw: T): T => {
  try {
    return filledIn();
  } catch (error) {
    if (error instanceof SubstitutionTooLong) return raw;
    throw error;
  }
};

/** Bytes of all places of one lease: they travel in a header of each request of its node, which takes 16 KiB of headers. Submission lets less pass. */
const MOST_BYTES_OF_PLACES = 10_000;

/** Each place once: a bucket may be named several times, to put it into several folders. */
const readClaims = (inputs: readonly ResourceBucket[]): LeaseClaims['read'] => {
  const claims = inputs.map(({ bucket, prefix }) => ({ bucket, ...(prefix === undefined ? {} : { prefix }) }));
  return [...new Map(claims.map((claim) => [JSON.stringify(claim), claim])).values()];
};

/** Why an instance cannot begin with a snapshot. */
const resumeProblem = (
  { resumeFromSnapshot, origin }: TaskSpec,
  { takesRestore }: GrantRequest,
  restore: Restore | null | undefined,
): Omit<Extract<GrantReply, { granted: false }>, 'granted'> | undefined => {
  if (resumeFromSnapshot === undefined) return undefined;
  if (takesRestore !== true) return { reason: 'the agent of this node is too old to begin with a snapshot' };
  return restore === null
    ? {
        code: 'FX-SNAPSHOT',
        reason: `task ${origin?.taskId} has no complete snapshot ${resumeFromSnapshot} of this instance: it never had, or it was pruned`,
      }
    : undefined;
};

/** What a lease needs and no stream may hold: its S3 credentials and the task's secrets, if the lease is current on the node that asks. */
export const grantLease = (
  view: SchedulerView,
  node: string,
  request: GrantRequest,
  { secrets, sign, now, row = {}, keptKey, restore }: GrantOptions,
): GrantReply => {
  const { taskId, instance, leaseId } = request;
  const entry = view.task(taskId);
  if (!entry || !isCurrentLease(entry, instance, leaseId) || entry.state.inFlight.get(instance)?.node !== node) {
    return { granted: false, reason: 'the lease is not current on this node' };
  }
  const { spec, owner } = entry.state;
  const opened = openSecrets(taskId, spec, { secrets, keptKey });
  if (opened === undefined)
    return {
      granted: false,
      reason: 'its secret constants were sealed with a key that is lost: submit the task again, with their values',
    };
  if (row === null) return { granted: false, reason: 'the table of parameters of its task is lost: submit it again' };
  if (spec.table !== undefined && request.takesRow !== true)
    return { granted: false, reason: 'the agent of this node is too old for tables of parameters' };
  const pin = pinnedInputs(spec, instance);
  if (spec.pin !== undefined && request.takesPin !== true)
    return { granted: false, reason: 'the agent of this node is too old for pinned inputs' };
  if (spec.pin !== undefined && pin === undefined)
    return { granted: false, reason: 'its task is pinned to inputs, and none are named for it' };
  if (spec.secretRights !== undefined && request.takesSecrets !== true)
    return { granted: false, reason: 'the agent of this node is too old for secrets of the secrets manager' };
  const noResume = resumeProblem(spec, request, restore);
  if (noResume !== undefined) return { granted: false, ...noResume };
  const { state } = entry;
  const inputs = orRaw(() => inputsOf(state, instance, row), spec.resources);
  // An agent of before knows no folder but the one of its order.
  const results =
    request.takesRow === true
      ? orRaw(() => prefixOf(state, spec.resultsPrefix, instance, row), spec.resultsPrefix)
      : spec.resultsPrefix;
  const ownFolder = results === spec.resultsPrefix ? undefined : (folderOf(results) ?? '');
  const read = readClaims(inputs);
  const bytes = Buffer.byteLength(JSON.stringify([read, results]));
  // By references of values of a table, or of constants that were changed since.
  if (bytes > MOST_BYTES_OF_PLACES)
    return {
      granted: false,
      reason: `the prefixes of its inputs and results are ${bytes} bytes with constants filled in, and the most is ${MOST_BYTES_OF_PLACES}`,
    };
  const s3 = sign({
    leaseId,
    taskId,
    instance,
    node,
    owner,
    read,
    // Not its folder: an order of before may name the prefix as the user wrote it.
    results: spec.resultBucket === null ? null : { bucket: spec.resultBucket, prefix: ownFolder ?? results },
    snapshot: null,
    ...(pin === undefined ? {} : { pin }),
    ...(restore ? { restore } : {}),
    expiresAt: now + GRANT_VALID_MS,
  });
  return {
    granted: true,
    s3: { ...s3 },
    secrets: { ...opened },
    inputs: inputs.map((input) => ({ ...input })),
    ...(spec.table === undefined ? {} : { row: { ...row } }),
    ...(ownFolder === undefined ? {} : { resultsFolder: ownFolder }),
    ...(pin === undefined ? {} : { pin }),
    ...(restore ? { restore } : {}),
  };
};
