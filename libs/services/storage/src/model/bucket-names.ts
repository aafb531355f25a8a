/**
 * Tells whether a bucket may have this name: 3 to 255 letters of both cases, digits, dots, hyphens and underscores. Names that begin with a dot are the
 * store's own. Scripts of this API's users have capitals and underscores in theirs; such a bucket is reached by its path, never by a host name.
 */
export const isBucketName = (name: string): boolean => /^[A-Za-z0-9_-][A-Za-z0-9._-]{2,254}$/.test(name);

/**
 * Tells whether Amazon S3 would take the name for a general purpose bucket: 3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at
 * both ends and around every dot, not an IPv4 address.
 */
export const isStrictBucketName = (name: string): boolean =>
  /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/.test(name) &&
  !/-\.|\.-/.test(name) &&
  !/^\d{1,3}(\.\d{1,3}){3}$/.test(name);

/** Holds what leases upload until their end is committed: `<task>/<lease>/<bucket>/<key>`. */
export const STAGING_BUCKET = '.staging';
export const stagedTaskPrefix = (taskId: string): string => `${taskId}/`;
export const isStagedTaskPrefix = (prefix: string): boolean => prefix.indexOf('/') === prefix.length - 1;
export const stagedLeasePrefix = (taskId: string, leaseId: string): string => `${taskId}/${leaseId}/`;

/**
 * Holds manifests of results, `<task>/<owner>/<SHA-256>.json`, and of inputs, `inputs-<SHA-256>.json` there, until their task is deleted. No bucket of a user can have this name, so their owner
 * reads them under it, as `<task>/<SHA-256>.json`: no listing of a bucket shows them, and no count counts them.
 */
export const MANIFESTS_BUCKET = '.manifests';
const MANIFEST_KEY = /^([^/]+)\/((inputs-)?[0-9a-f]{64}\.json)$/;
/** Where the manifest lies that an owner calls `key`; undefined when it is no name of one. */
export const manifestKey = (
  owner: string,
  key: string,
): { readonly taskId: string; readonly name: string; readonly key: string; readonly ofInputs: boolean } | undefined => {
  const [, taskId, name, ofInputs] = MANIFEST_KEY.exec(key) ?? [];
  if (taskId === undefined || name === undefined) return undefined;
  return { taskId, name, key: `${taskId}/${owner}/${name}`, ofInputs: ofInputs !== undefined };
};

/** Holds output of tasks that has left the database: `<task>/<stream>/…`. Nobody's bucket: only a service's token opens it. */
export const OUTPUT_BUCKET = '.output';
/** Holds tables of parameters, `<task>/<SHA-256>.json`, until their task is deleted. Nobody's bucket either. */
export const TABLES_BUCKET = '.tables';
/** How the area of a service's token is called on the wire, where a bucket must have a name of Amazon's rules, where it lies, and whether services change it. */
export const SERVICE_AREAS = {
  output: { wireName: 'fornax-output', bucket: OUTPUT_BUCKET, isReadOnly: false },
  tables: { wireName: 'fornax-tables', bucket: TABLES_BUCKET, isReadOnly: false },
  manifests: { wireName: 'fornax-manifests', bucket: MANIFESTS_BUCKET, isReadOnly: true },
} as const;

/** Holds files of snapshots under their plain names, `<task>/<snapshot>/<instance>/<bucket>/<key>`, as long as the snapshot is kept. Nobody's bucket: the owner of the task reads it under this name. */
export const SNAPSHOTS_BUCKET = '.snapshots';
export const snapshotPrefix = (taskId: string, snapshotId: string): string => `${taskId}/${snapshotId}/`;
export const snapshotPartPrefix = (taskId: string, snapshotId: string, instance: number): string =>
  `${snapshotPrefix(taskId, snapshotId)}${instance}/`;
/** The task that a file of a snapshot is of. */
export const taskOfSnapshotKey = (key: string): string => key.split('/', 1)[0] ?? '';
/** Whether a prefix of the staging area, `<task>/<lease or snapshot>/`, is that of a snapshot. */
export const isSnapshotPrefix = (prefix: string): boolean => /^[^/]+\/snap_[^/]+\/$/.test(prefix);

/** Holds closed parts of the event log, `<epoch of the log>/<number>.<fork>`. Nobody's bucket: no name on the wire leads to it, and nothing is ever deleted from it. */
export const LOG_ARCHIVE_BUCKET = '.log-archive';

/** What the platform keeps for tasks, each below `<task>/`: it goes with its task. */
export const TASK_AREAS = [STAGING_BUCKET, MANIFESTS_BUCKET, OUTPUT_BUCKET, TABLES_BUCKET, SNAPSHOTS_BUCKET] as const;

/** All areas of the platform, which the store has from the beginning. */
export const PLATFORM_AREAS = [...TASK_AREAS, LOG_ARCHIVE_BUCKET] as const;
