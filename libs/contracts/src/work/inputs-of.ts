import { instanceNumbers, resolveConstants, substitute } from './substitute.js';
import { effectiveConstants, type ResourceBucket, sizeOf, type TaskState } from '@fornax/domain';

/** Constants that one instance has by the table of its task, by name. */
export type InstanceRow = Readonly<Record<string, string>>;

type Task = Pick<TaskState, 'spec' | 'all'>;

const hasReference = (text: string | null | undefined): boolean => text?.includes('${') === true;

/**
 * Names what references stand for in the names of objects of one instance: constants, those of its row before those of its task, and its numbers.
 * Secret constants are not among them: storage shows and logs the names of objects.
 */
const valuesOf = ({ spec, all }: Task, instance: number, row: InstanceRow): ReadonlyMap<string, string> => {
  const own = new Map(Object.entries(row));
  const clear = effectiveConstants(spec).flatMap((constant) =>
    'value' in constant && !own.has(constant.key) ? [[constant.key, constant.value] as const] : [],
  );
  return resolveConstants(new Map([...clear, ...own]), instanceNumbers(instance, sizeOf(all)));
};

/**
 * Returns the inputs of one instance: `${NAME}` of constants and of its numbers filled in, in prefixes and in what is stripped of paths. Unknown names
 * stay as they are (contract, section 4.4), and so do secret constants.
 * @throws SubstitutionTooLong
 */
export const inputsOf = (task: Task, instance: number, row: InstanceRow = {}): readonly ResourceBucket[] => {
  const { resources } = task.spec;
  if (!resources.some(({ prefix, stripPrefix }) => hasReference(prefix) || hasReference(stripPrefix))) return resources;
  const values = valuesOf(task, instance, row);
  return resources.map(({ prefix, stripPrefix, ...resource }) => ({
    ...resource,
    ...(prefix === undefined ? {} : { prefix: substitute(prefix, values) }),
    ...(stripPrefix === undefined ? {} : { stripPrefix: substitute(stripPrefix, values) }),
  }));
};

/** Fills in a prefix of results or snapshots for one instance, as `inputsOf` does those of inputs. @throws SubstitutionTooLong */
export const prefixOf = (task: Task, prefix: string | null, instance: number, row: InstanceRow = {}): string | null =>
  prefix === null || !hasReference(prefix) ? prefix : substitute(prefix, valuesOf(task, instance, row));
