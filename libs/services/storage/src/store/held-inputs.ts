import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { Inject, Injectable } from '@nestjs/common';
import { eachLimited } from '@fornax/base';
import {
  type HoldInputsReply,
  type HoldInputsRequest,
  type InputManifest,
  inputManifestName,
  inputManifestSchema,
  MOST_INPUT_MANIFEST_BYTES,
  type RecordedInput,
} from '@fornax/contracts';
import type { ObjectStore } from '@fornax/object-store';
import { isExecutable } from '@fornax/s3';
import { BucketCatalog } from '../buckets/bucket-catalog.js';
import { BucketCommands } from '../buckets/bucket.commands.js';
import { OBJECT_STORE } from '../config/tokens.js';
import { allows } from '../model/bucket-access.js';
import { MANIFESTS_BUCKET, manifestKey } from '../model/bucket-names.js';

/** Lists that are read or copied at a time. */
const LISTS_AT_ONCE = 16;
/** Objects that are looked at together: the local store asks for them in few statements. */
const OBJECTS_AT_ONCE = 256;
const MOST_NAMED = 20;

type Change = HoldInputsReply['changed'][number];

/** What is compared of an input. */
type Version = Pick<RecordedInput, 'bucket' | 'key' | 'etag' | 'size' | 'isExecutable'> & {
  readonly isFolder: boolean;
};

const addVersion = (versions: Map<string, Version>, { path, ...input }: RecordedInput): void => {
  const { bucket, key, etag, size, isExecutable } = input;
  const isFolder = path.endsWith('/');
  const name = JSON.stringify([bucket, key, etag, size, isExecutable, isFolder]);
  if (!versions.has(name)) versions.set(name, { bucket, key, etag, size, isExecutable, isFolder });
};

const manifestIn = (bytes: Buffer): InputManifest | undefined => {
  try {
    return inputManifestSchema.safeParse(JSON.parse(bytes.toString('utf8'))).data;
  } catch {
    return undefined;
  }
};

const placeOf = ({ bucket, key }: Version): string => JSON.stringify([bucket, key]);

/** Compares lists of inputs of earlier attempts with what the buckets hold now, and keeps them for a task that is to have the same. */
@Injectable()
export class HeldInputs {
  constructor(
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
    private readonly catalog: BucketCatalog,
    private readonly commands: BucketCommands,
  ) {}

  /** Safe to repeat. Nothing is kept when something is lost or has changed. */
  async hold({ owner, fromTask, toTask, digests }: HoldInputsRequest): Promise<HoldInputsReply> {
    const [lost, refreshed] = [new Set<string>(), new Set<string>()];
    // Instances that had different versions of one object cannot both have theirs again: each version is compared. What a thousand lists have in
    // common is in memory once, and each of the lists only until it is read.
    const versions = new Map<string, Version>();
    await eachLimited(digests, LISTS_AT_ONCE, async (digest) => {
      const manifest = await this.#read(keyOf(owner, fromTask, digest), digest);
      if (!manifest) lost.add(digest);
      else if (manifest.refreshed) refreshed.add(digest);
      else for (const input of manifest.objects) addVersion(versions, input);
    });
    const inOrder = (some: ReadonlySet<string>): string[] => digests.filter((digest) => some.has(digest));
    const none = { lost: inOrder(lost), refreshed: inOrder(refreshed), changed: [], changedCount: 0 };
    if (lost.size + refreshed.size > 0) return none;
    const changed = await this.#changesOf([...versions.values()], owner);
    if (changed.length > 0) return { ...none, changed: changed.slice(0, MOST_NAMED), changedCount: changed.length };
    await eachLimited(digests, LISTS_AT_ONCE, async (digest) => {
      const [from, to] = [keyOf(owner, fromTask, digest), keyOf(owner, toTask, digest)];
      await this.store.copy({ bucket: MANIFESTS_BUCKET, key: from }, { bucket: MANIFESTS_BUCKET, key: to });
    });
    return none;
  }

  /** Undefined for one that is gone, or is none that this version reads: a node wrote it, of any size. */
  async #read(key: string, digest: string): Promise<InputManifest | undefined> {
    const reader = await this.store.get(MANIFESTS_BUCKET, key);
    if (!reader || reader.info.sizeBytes > MOST_INPUT_MANIFEST_BYTES) return undefined;
    const bytes = await buffer(await reader.read());
    return createHash('sha256').update(bytes).digest('hex') === digest ? manifestIn(bytes) : undefined;
  }

  /** By bucket and key, each object once. */
  async #changesOf(versions: readonly Version[], owner: string): Promise<readonly Change[]> {
    const readable = await this.#readable([...new Set(versions.map(({ bucket }) => bucket))], owner);
    const changed = new Map<string, Change>();
    await eachLimited(versions, OBJECTS_AT_ONCE, async (input) => {
      const { bucket, key } = input;
      const change = readable.has(bucket) ? await this.#changeOf(input) : 'unreadable';
      if (change !== undefined) changed.set(placeOf(input), { bucket, key, change });
    });
    return [...changed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
  }

  async #readable(names: readonly string[], owner: string): Promise<ReadonlySet<string>> {
    const buckets = await this.catalog.findAll(names);
    return new Set(
      buckets.filter((bucket) => allows(this.commands.accessOf(owner, bucket), 'read')).map(({ name }) => name),
    );
  }

  async #changeOf(input: Version): Promise<Change['change'] | undefined> {
    const now = await this.store.head(input.bucket, input.key);
    if (!now) return 'deleted';
    if (now.etag !== input.etag || now.sizeBytes !== input.size) return 'replaced';
    return input.isFolder || isExecutable(now.userMetadata['mode']) === input.isExecutable ? undefined : 'mode';
  }
}

const keyOf = (owner: string, taskId: string, digest: string): string => {
  const found = manifestKey(owner, `${taskId}/${inputManifestName(digest)}`);
  if (!found) throw new Error('an id of a task with a slash');
  return found.key;
};
