import { MOST_PINNED_LISTS, type TaskCreation, type WireErrors } from '@fornax/contracts';
import {
  difference,
  formatRanges,
  iterate,
  parseRanges,
  type Ranges,
  type ResourceBucket,
  type TaskPin,
  type TaskSpec,
} from '@fornax/domain';

/** What is recorded of the inputs of a task: which instances had those of a list, by the digest of the list. */
export type RecordedInputs = ReadonlyMap<string, Ranges>;

/** The task whose inputs and image a copy is to have. */
export interface PinSource {
  readonly resources: readonly ResourceBucket[];
  readonly recorded: RecordedInputs;
  /** The digest of its image; undefined where it ran in none. */
  readonly image?: string | undefined;
}

const MOST_NAMED = 5;
const wrong = (text: string): { readonly errors: WireErrors } => ({ errors: { 'fornax.pinned': [text] } });

const samePlaces = (a: readonly ResourceBucket[], b: readonly ResourceBucket[]): boolean => {
  const places = (all: readonly ResourceBucket[]): string =>
    JSON.stringify(all.map(({ bucket, prefix, stripPrefix }) => [bucket, prefix, stripPrefix]));
  return places(a) === places(b);
};

const instancesText = (instances: Ranges): string => {
  const first = [...iterate(instances).take(MOST_NAMED)];
  const rest = instances.size - first.length;
  return `${instances.size === 1 ? 'instance' : 'instances'} ${first.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
};

/**
 * Pins the instances of a copy to the inputs that the same instances of its origin had.
 * @returns undefined where nothing is asked for, or there are no inputs to pin; or the problem
 */
export const askedPin = (
  { fornax }: TaskCreation,
  { instances, resources }: Pick<TaskSpec, 'instances' | 'resources'>,
  source: PinSource | undefined,
): TaskPin | { readonly errors: WireErrors } | undefined => {
  if (fornax?.pinned !== true) return undefined;
  if (!source) return wrong('Only a task that is made of another one can be pinned to the inputs of that one.');
  if (!samePlaces(resources, source.resources))
    return wrong('A pinned copy has the inputs of its origin: name no other buckets, prefixes or paths with it.');
  if (resources.length === 0) return undefined;
  const parsed = parseRanges(instances);
  if ('rejection' in parsed) return undefined;
  const asked = parsed.ranges;
  const missing = [...source.recorded.values()].reduce(difference, asked);
  if (missing.size > 0)
    return wrong(
      `It is not recorded which inputs ${instancesText(missing)} had: not ended yet, or ended before all inputs had come, lost with the node, run by an earlier version, or more than can be recorded. advancedRanges names the others.`,
    );
  const inputs = [...source.recorded].flatMap(([digest, had]) => {
    const own = intersection(asked, had);
    return own.size === 0 ? [] : [{ digest, own }];
  });
  if (inputs.length > MOST_PINNED_LISTS)
    return wrong(
      `Its instances had ${inputs.length} different sets of inputs, and a pinned copy can have ${MOST_PINNED_LISTS}: copy it in parts, with advancedRanges.`,
    );
  inputs.sort((a, b) => (a.own.bounds[0] ?? 0) - (b.own.bounds[0] ?? 0));
  return { inputs: inputs.map(({ digest, own }) => ({ instances: formatRanges(own), digest })) };
};

const intersection = (a: Ranges, b: Ranges): Ranges => difference(a, difference(a, b));
