import type { ScalarType } from './filter-values.js';
import {
  always,
  boolean,
  duration,
  elements,
  FIELDS_OF_WORK,
  fieldsOf,
  NOW_MS,
  number,
  numberAt,
  text,
  uuid,
  type Field,
} from './filter-field.js';

/** One property of each element that has it. */
const parts = (array: string, property: string): Field => ({
  kind: 'list',
  type: 'text',
  items: `(SELECT e->>'${property}' FROM ${elements(array)} AS e WHERE e->>'${property}' IS NOT NULL) AS x(item)`,
});
const numberParts = (array: string, property: string): Field => ({
  kind: 'list',
  type: 'number',
  items: `(SELECT ${numberAt(`e->>'${property}'`)} FROM ${elements(array)} AS e WHERE e->>'${property}' IS NOT NULL) AS x(item)`,
});
/** A column of the instances that are over. */
const ended = (type: ScalarType, sql: string): Field => ({
  kind: 'list',
  type,
  items: `(SELECT ${sql} FROM completed_instance AS c WHERE c.task_id = task.task_id AND ${sql} IS NOT NULL) AS x(item)`,
});
const HARDWARE = `spec->'hardwareConstraints'`;
const RULES = `spec->'echo'->'forcedNetworkRules'`;
const FORCED = `spec->'echo'->'forcedConstants'`;
const CONSTRAINTS = `spec->'echo'->'constraints'`;
const DEPENDENCIES = `spec->'dependencies'`;
/** Tasks that are waited for, of those that were asked for in one way. */
const dependenciesAs = (as: string): Field => ({
  kind: 'list',
  type: 'uuid',
  items: `(SELECT e->>'taskId' FROM ${elements(DEPENDENCIES)} AS e WHERE e->>'as' = '${as}') AS x(item)`,
});
const NEVER_SEALED = `(SELECT e FROM ${elements(`spec->'constants'`)} AS e WHERE e->>'value' IS NOT NULL) AS constant(e)`;

/** What tasks may be filtered by, in lower case (contract, section 1.12). No text of a request ever becomes SQL. */
const FIELDS: Readonly<Record<string, Field>> = {
  uuid: uuid('task_id'),
  ...FIELDS_OF_WORK,
  pooluuid: uuid(`spec->>'poolUuid'`),
  jobuuid: uuid('job_id'),
  tags: {
    kind: 'list',
    type: 'text',
    items: 'unnest(tags) AS x(item)',
    // `$1` is the owner, and the table leads to his tasks alone.
    hasAny: (values) =>
      `task_id IN (SELECT t.task_id FROM task_tag AS t WHERE t.owner = $1 AND t.tag = ANY(${values}))`,
  },
  labels: { kind: 'list', type: 'text', items: `jsonb_object_keys(spec->'labels') AS x(item)` },
  constants: { kind: 'list', type: 'text', items: `(SELECT e->>'key' FROM ${NEVER_SEALED}) AS x(item)` },
  constraints: parts(CONSTRAINTS, 'key'),
  forcedconstants: parts(FORCED, 'constantName'),
  'forcedconstants.constantname': parts(FORCED, 'constantName'),
  'forcedconstants.access': parts(FORCED, 'access'),
  forcednetworkrules: parts(RULES, 'name'),
  'forcednetworkrules.name': parts(RULES, 'name'),
  'forcednetworkrules.proto': parts(RULES, 'proto'),
  'forcednetworkrules.port': parts(RULES, 'port'),
  'forcednetworkrules.applicationtype': parts(RULES, 'applicationType'),
  hardwareconstraints: parts(HARDWARE, 'discriminator'),
  'hardwareconstraints.discriminator': parts(HARDWARE, 'discriminator'),
  'hardwareconstraints.specificationkey': parts(HARDWARE, 'specificationKey'),
  'hardwareconstraints.cpumodel': parts(HARDWARE, 'cpuModel'),
  'hardwareconstraints.corecount': numberParts(HARDWARE, 'coreCount'),
  'hardwareconstraints.minimummemorymb': numberParts(HARDWARE, 'minimumMemoryMB'),
  'hardwareconstraints.maximummemorymb': numberParts(HARDWARE, 'maximumMemoryMB'),
  'hardwareconstraints.minimummemorygbcoreratio': numberParts(HARDWARE, 'minimumMemoryGBCoreRatio'),
  'hardwareconstraints.maximummemorygbcoreratio': numberParts(HARDWARE, 'maximumMemoryGBCoreRatio'),
  dependencies: { kind: 'object', isThere: `jsonb_typeof(${DEPENDENCIES}) = 'array'` },
  'dependencies.dependson': dependenciesAs('dependsOn'),
  'dependencies.advanceddependson.taskuuid': dependenciesAs('advancedDependsOn'),
  completedinstances: ended('number', 'c.instance'),
  'completedinstances.instanceid': ended('number', 'c.instance'),
  'completedinstances.state': ended(
    'text',
    `CASE c.outcome WHEN 'success' THEN 'Success' WHEN 'failure' THEN 'Failure' ELSE 'Cancelled' END`,
  ),
  'completedinstances.executionattemptcount': ended('number', 'c.attempt'),
  'completedinstances.cpumodel': ended('text', `c.hardware->>'cpuModel'`),
  'completedinstances.specificationkey': ended('text', `c.hardware->>'specificationKey'`),
  'completedinstances.error.code': ended('text', `c.error->>'code'`),
  privileges: always,
  'privileges.exportapiandstoragecredentialsinenvironment': boolean(
    `coalesce((spec->'echo'->'privileges'->>'exportApiAndStorageCredentialsInEnvironment')::boolean, false)`,
  ),
  retrysettings: always,
  'retrysettings.maxtotalretries': number(numberAt(`spec->'echo'->'retrySettings'->>'maxTotalRetries'`)),
  'retrysettings.maxperinstanceretries': number(numberAt(`spec->'echo'->'retrySettings'->>'maxPerInstanceRetries'`)),
  maxretriesperinstance: number(
    numberAt(
      `coalesce(spec->'echo'->>'maxRetriesPerInstance', spec->'echo'->'retrySettings'->>'maxPerInstanceRetries', '0')`,
    ),
  ),
  resultscount: number('results_count'),
  instancecount: number('instance_count'),
  totalinstancecount: number('total_instances'),
  runninginstancecount: number('running_instances'),
  runningcorecount: number('floor(running_cores + 0.5)'),
  snapshotinterval: number(`coalesce(${numberAt(`spec->>'snapshotIntervalSeconds'`)}, 0)`),
  maxtimequeueseconds: number(numberAt(`spec->'echo'->>'maxTimeQueueSeconds'`)),
  defaultresourcescachettlsec: number(numberAt(`coalesce(spec->'echo'->>'defaultResourcesCacheTTLSec', '7776000')`)),
  executiontime: duration(`(execution_ms + running_instances * ${NOW_MS} - running_since_ms)`),
  walltime: duration(`(coalesce(end_ms, ${NOW_MS}) - created_ms)`),
  advancedranges: text(`spec->>'advancedRanges'`),
  resultbucket: text(`spec->>'resultBucket'`),
  resultsbucket: text(`spec->>'resultBucket'`),
  resultsbucketprefix: text(`spec->>'resultsPrefix'`),
  resultswhitelist: text(`spec->>'resultsWhitelist'`),
  resultsblacklist: text(`spec->>'resultsBlacklist'`),
  snapshotbucket: text(`spec->>'snapshotBucket'`),
  snapshotbucketprefix: text(`spec->>'snapshotPrefix'`),
  snapshotwhitelist: text(`spec->>'snapshotWhitelist'`),
  snapshotblacklist: text(`spec->>'snapshotBlacklist'`),
  schedulingtype: text('plan'),
  autodeleteoncompletion: boolean(`coalesce((spec->'echo'->>'autoDeleteOnCompletion')::boolean, false)`),
};

/** `Constants.<KEY>` and the like: the value under a key of the user's own, which keeps its case. */
const KEYED: readonly (readonly [string, (key: string) => string])[] = [
  // A sealed constant has no value here, so nobody can feel his way to it.
  ['constants.', (key) => `(SELECT e->>'value' FROM ${NEVER_SEALED} WHERE e->>'key' = ${key} LIMIT 1)`],
  ['labels.', (key) => `(spec->'labels'->>${key})`],
  ['constraints.', (key) => `(SELECT e->>'value' FROM ${elements(CONSTRAINTS)} AS e WHERE e->>'key' = ${key} LIMIT 1)`],
];

export const taskField = fieldsOf(FIELDS, KEYED);
