import { instanceNumbers, resolveConstants, substitute } from './substitute.js';
import { effectiveConstants, type ResourceBucket, sizeOf, type TaskState } from '@fornax/domain';

/**
 * Returns the inputs of one instance: `${NAME}` of constants and of its numbers filled in, in prefixes and in what is stripped of paths. Unknown names
 * stay as they are (contract, section 4.4), and so do secret constants: storage shows and logs the names of objects.
 * @throws SubstitutionTooLong
 */
export const inputsOf = (
  { spec, all }: Pick<TaskState, 'spec' | 'all'>,
  instance: number,
): readonly ResourceBucket[] => {
  const { resources } = spec;
  if (!resources.some(({ prefix = '', stripPrefix = '' }) => (prefix + stripPrefix).includes('${'))) return resources;
  const clear = effectiveConstants(spec).flatMap((constant) =>
    'value' in constant ? [[constant.key, constant.value] as const] : [],
  );
  const values = resolveConstants(new Map(clear), instanceNumbers(instance, sizeOf(all)));
  return resources.map(({ prefix, stripPrefix, ...resource }) => ({
    ...resource,
    ...(prefix === undefined ? {} : { prefix: substitute(prefix, values) }),
    ...(stripPrefix === undefined ? {} : { stripPrefix: substitute(stripPrefix, values) }),
  }));
};
