import { isConstraintKind, kindOf, type Constraint } from './constraints.ts';

/** A task that is wanted, or was. */
export interface Wanted {
  readonly name: string;
  readonly profile: string | undefined;
  readonly instanceCount: number;
  readonly advancedRanges: string | undefined;
  readonly constants: readonly { readonly key: string; readonly value: string }[];
  readonly tags: readonly string[];
  readonly resourceBuckets: readonly string[];
  readonly resultBucket: string | undefined;
  readonly hardwareConstraints: readonly Constraint[];
}

/** The body of POST /tasks. */
export const bodyOfTask = (wanted: Wanted) => ({
  name: wanted.name,
  ...(wanted.profile === undefined ? {} : { profile: wanted.profile }),
  ...(wanted.advancedRanges === undefined
    ? { instanceCount: wanted.instanceCount }
    : { advancedRanges: wanted.advancedRanges }),
  constants: [...wanted.constants],
  ...(wanted.tags.length === 0 ? {} : { tags: [...wanted.tags] }),
  ...(wanted.resourceBuckets.length === 0 ? {} : { resourceBuckets: [...wanted.resourceBuckets] }),
  ...(wanted.resultBucket === undefined ? {} : { resultBucket: wanted.resultBucket }),
  ...(wanted.hardwareConstraints.length === 0 ? {} : { hardwareConstraints: [...wanted.hardwareConstraints] }),
});

/** Text as one word of a POSIX shell: nothing in it is read by the shell. */
const word = (text: string): string =>
  /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Text as a string of Python: JSON's escapes are all Python's, too, but for half a pair, which JSON writes as both do. */
const python = (text: string): string => JSON.stringify(text);

/** For the command line; undefined where it cannot say all of it. */
export const asFornax = (wanted: Wanted): string | undefined => {
  const { constants, resultBucket } = wanted;
  if (wanted.advancedRanges !== undefined || wanted.tags.length + wanted.hardwareConstraints.length > 0)
    return undefined;
  const parts = [
    `fornax task submit --name ${word(wanted.name)}`,
    ...(wanted.profile === undefined ? [] : [`--profile ${word(wanted.profile)}`]),
    `--instances ${wanted.instanceCount}`,
    ...constants.map(({ key, value }) => `--constant ${word(`${key}=${value}`)}`),
    ...wanted.resourceBuckets.map((bucket) => `--resource ${word(bucket)}`),
    ...(resultBucket === undefined ? [] : [`--results ${word(resultBucket)}`]),
  ];
  return parts.join(' \\\n  ');
};

/** A constraint as the Python SDK writes it: its class, and its only value where it has one. */
const pythonConstraint = ({ discriminator, ...fields }: Constraint) => {
  const name = isConstraintKind(discriminator) ? kindOf(discriminator).python : undefined;
  const [value] = Object.values(fields);
  return name === undefined
    ? undefined
    : { name, value: value === undefined ? '' : typeof value === 'number' ? String(value) : python(value) };
};

/** For the Python SDK; undefined where it cannot say all of it. */
export const asPython = (wanted: Wanted): string | undefined => {
  const hardware = wanted.hardwareConstraints.map(pythonConstraint).filter((one) => one !== undefined);
  if (hardware.length < wanted.hardwareConstraints.length) return undefined;
  const { name, profile, instanceCount, advancedRanges, constants, tags, resourceBuckets, resultBucket } = wanted;
  const instances = advancedRanges === undefined ? String(instanceCount) : python(advancedRanges);
  return [
    'import qarnot',
    ...(hardware.length === 0
      ? []
      : [
          `from qarnot.hardware_constraint import ${[...new Set(hardware.map(({ name }) => name))].toSorted().join(', ')}`,
        ]),
    '',
    'connection = qarnot.Connection()  # reads the environment',
    `task = connection.create_task(${python(name)}, ${profile === undefined ? 'None' : python(profile)}, ${instances})`,
    ...resourceBuckets.map((bucket) => `task.resources.append(connection.retrieve_bucket(${python(bucket)}))`),
    ...(resultBucket === undefined
      ? []
      : [`task.results = connection.retrieve_or_create_bucket(${python(resultBucket)})`]),
    ...(tags.length === 0 ? [] : [`task.tags = [${tags.map(python).join(', ')}]`]),
    ...constants.map(({ key, value }) => `task.constants[${python(key)}] = ${python(value)}`),
    ...(hardware.length === 0
      ? []
      : [`task.hardware_constraints = [${hardware.map(({ name, value }) => `${name}(${value})`).join(', ')}]`]),
    'task.submit()',
  ].join('\n');
};

export const asCurl = (wanted: Wanted): string =>
  [
    'curl -sS "$QARNOT_CLUSTER_URL/tasks"',
    '-H "Authorization: $QARNOT_CLIENT_TOKEN"',
    "-H 'Content-Type: application/json'",
    `-d ${word(JSON.stringify(bodyOfTask(wanted), undefined, 2))}`,
  ].join(' \\\n  ');
