import { findFreePort } from '@fornax/embedded';
import type { RecordedRun } from '@fornax/testing';
import type { ListedSnapshot, WireSnapshotSummary } from '@fornax/client';
import { startS3Relay, type S3Relay } from '../nemesis/s3-relay.js';
import { call, insist } from '../work.js';
import { Testbed, type TestbedOptions } from './testbed.js';

const OPEN: readonly string[] = ['triggered', 'inProgress'];
/** Larger than what is sent in bundles, so that each is a request of its own. */
export const BIG_BYTES = 1_200_000;

/** Each instance replaces its two files all the time, and tells which snapshot it began with. */
const WORK = [
  'note begin $QARNOT_SNAPSHOT_ID',
  'test -z "$QARNOT_SNAPSHOT_ID" || test -s big-$INSTANCE_ID || exit 91',
  `(while kill -0 $$ 2>/dev/null; do head -c ${BIG_BYTES} /dev/urandom > next; mv next big-$INSTANCE_ID; date +%N > small-$INSTANCE_ID; sleep 0.3; done) &`,
].join('\n');

interface Usage {
  readonly tasks: readonly { readonly taskId: string; readonly staged: number }[];
  readonly buckets: readonly { readonly bytes: number; readonly uploadBytes: number }[];
}

/** A task that snapshots are taken of. */
export interface SnapshotTask {
  readonly uuid: string;
  readonly key: string;
  readonly instances: number;
}

/** A platform whose nodes reach the storage through a relay, and what its snapshots are like. */
export class SnapshotBed {
  private constructor(
    readonly bed: Testbed,
    readonly relay: S3Relay,
  ) {}

  static async open(options: TestbedOptions): Promise<SnapshotBed> {
    const port = String(await findFreePort());
    const relay = await startS3Relay(`http://127.0.0.1:${port}`);
    const env = { FORNAX_STORAGE_PORT: port, FORNAX_PUBLIC_STORAGE_URL: relay.url, ...options.env };
    return new SnapshotBed(await Testbed.open({ ...options, env }), relay);
  }

  async close(): Promise<void> {
    this.relay.heal();
    await this.bed.close();
    await this.relay.close();
  }

  /**
   * Submits one that runs until it is released, and waits until each instance has begun and written.
   * @param script says that it has begun, as `WORK` does, which is the default
   */
  async submit(key: string, instances: number, fornax: object = {}, script = WORK): Promise<SnapshotTask> {
    const { uuid } = await call<{ readonly uuid: string }>(this.bed.platform, 'POST', '/tasks', {
      name: key,
      profile: 'docker-batch',
      instanceCount: instances,
      resultBucket: key,
      resultsWhitelist: '^none$',
      snapshotWhitelist: '^(big|small)-',
      constants: [{ key: 'DOCKER_CMD', value: this.bed.recorder.commandOf(key, { lastsMs: 'held', script }) }],
      fornax: { resumeFromSnapshot: 'latest', ...fornax },
    });
    const task = { uuid, key, instances };
    for (let instance = 0; instance < instances; instance += 1) await this.begun(task, instance, 1);
    return task;
  }

  plan({ uuid }: SnapshotTask, interval: number): Promise<void> {
    return insist(() => call(this.bed.platform, 'POST', `/tasks/${uuid}/snapshot/periodic`, { interval }), 'plan');
  }

  /** Waits until an instance has begun for the so manieth time. @returns the snapshot that it began with; undefined: with none */
  async begun({ key }: SnapshotTask, instance: number, attempt: number): Promise<string | undefined> {
    const noteOf = ({ notes: [note] }: RecordedRun): string | undefined => note;
    const note = await insist(() => {
      const runs = this.bed.recorder.runs().filter((run) => run.key === key && run.instance === instance);
      const run = runs[attempt - 1];
      const said = run && noteOf(run);
      return said === undefined ? Promise.reject(new Error(`${runs.length} runs`)) : Promise.resolve(said);
    }, `attempt ${attempt} of instance ${instance} begins`);
    const [, id] = note.split(' ');
    return id === undefined || id === '' ? undefined : id;
  }

  /** Newest first. */
  list({ uuid }: SnapshotTask): Promise<readonly WireSnapshotSummary[]> {
    const path = `/fornax/v1/snapshots?task=${uuid}`;
    return insist(
      async () =>
        (await call<{ readonly snapshots: readonly WireSnapshotSummary[] }>(this.bed.platform, 'GET', path)).snapshots,
      'list the snapshots',
    );
  }

  /** Waits until one is listed. */
  find(task: SnapshotTask, is: (one: WireSnapshotSummary) => boolean, what: string): Promise<WireSnapshotSummary> {
    return insist(async () => {
      const all = await this.list(task);
      const found = all.find(is);
      if (!found) throw new Error(`there are ${JSON.stringify(all.slice(0, 3))}`);
      return found;
    }, what);
  }

  /** Asks for one, also of somebody who does not answer at first. @returns its id */
  async take({ uuid }: SnapshotTask, asked: object = {}): Promise<string> {
    const path = `/tasks/${uuid}/snapshot`;
    const { id } = await insist(
      () => call<{ readonly id: string }>(this.bed.platform, 'POST', path, asked),
      'ask for a snapshot',
    );
    return id;
  }

  /** Takes one of all instances, once all of them run. @returns it, complete */
  takeWhole(task: SnapshotTask, asked: object = {}): Promise<WireSnapshotSummary> {
    return insist(async () => {
      const end = await this.ended(task, await this.take(task, asked));
      if (end.status !== 'success' || end.instances !== task.instances) throw new Error(JSON.stringify(end));
      return end;
    }, 'a snapshot of all instances is complete');
  }

  /** Waits until one is over. */
  ended(task: SnapshotTask, id: string): Promise<WireSnapshotSummary> {
    return this.find(task, (one) => one.id === id && !OPEN.includes(one.status), `${id} is over`);
  }

  /** Waits for one that is complete, of so many instances at least, and was triggered after another one. */
  async completeAfter(task: SnapshotTask, id: string, instances = 1): Promise<WireSnapshotSummary> {
    return insist(async () => {
      const all = await this.list(task);
      const before = all.findIndex((one) => one.id === id);
      const found = all
        .slice(0, before === -1 ? all.length : before)
        .find((one) => one.status === 'success' && one.instances >= instances);
      if (!found) throw new Error(`there are ${JSON.stringify(all.slice(0, 3))}`);
      return found;
    }, 'a later snapshot is complete');
  }

  /** What is wrong with one that is said to be complete: every part has a list, and each file on it is there, with its bytes and their hash. */
  async faultsOf({ id, sizeToUpload, transferredSize }: WireSnapshotSummary): Promise<readonly string[]> {
    const path = `/fornax/v1/snapshots/${id}`;
    const { parts } = await insist(() => call<ListedSnapshot>(this.bed.platform, 'GET', path), 'read the snapshot');
    const faults = parts.flatMap(({ instance, manifest, files }) =>
      manifest === null || files === null ? [`${id}: nothing of instance ${instance}`] : [],
    );
    if (sizeToUpload === null || sizeToUpload !== transferredSize)
      faults.push(`${id}: ${transferredSize} of ${sizeToUpload} bytes`);
    const { code, output } = await this.bed.fornax('snapshot', 'files', id, '--verify');
    return code === 0 ? faults : [...faults, `${id}: ${output}`];
  }

  /** What is stored of everybody, in bytes. */
  async held(): Promise<{
    readonly stored: number;
    readonly staged: ReadonlyMap<string, number>;
    readonly uploads: number;
  }> {
    const { buckets, tasks } = await insist(
      () => call<Usage>(this.bed.platform, 'GET', '/fornax/v1/buckets/usage'),
      'what is stored',
    );
    const staged = new Map(tasks.map((one) => [one.taskId, one.staged]));
    const uploads = buckets.reduce((sum, { uploadBytes }) => sum + uploadBytes, 0);
    const inBuckets = buckets.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      stored: inBuckets + uploads + [...staged.values()].reduce((sum, bytes) => sum + bytes, 0),
      staged,
      uploads,
    };
  }

  /** Bytes that the storage keeps for a task's snapshots, and what those take that are complete and kept. */
  async kept(task: SnapshotTask): Promise<{ readonly stored: number; readonly complete: number }> {
    const { staged, uploads } = await this.held();
    const complete = (await this.list(task)).filter(({ status, prune }) => status === 'success' && prune === null);
    return {
      stored: (staged.get(task.uuid) ?? 0) + uploads,
      complete: complete.reduce((sum, { sizeToUpload }) => sum + (sizeToUpload ?? 0), 0),
    };
  }

  /** The node that has an instance. */
  async nodeOf({ uuid }: SnapshotTask, instance: number): Promise<string> {
    const { events } = await insist(
      () =>
        call<{ readonly events: readonly Dispatched[] }>(
          this.bed.platform,
          'GET',
          `/fornax/v1/tasks/${uuid}/events?limit=1000`,
        ),
      'where it runs',
    );
    const leases = events.flatMap(({ type, data }) => (type === 'InstancesDispatched' ? (data.leases ?? []) : []));
    return leases.findLast((lease) => lease.instance === instance)?.node ?? '';
  }
}

interface Dispatched {
  readonly type: string;
  readonly data: { readonly leases?: readonly { readonly instance: number; readonly node: string }[] };
}
