/** A value that would not fit into one argument of a Linux process (MAX_ARG_STRLEN, 128 KiB with its end mark). */
export class SubstitutionTooLong extends Error {
  override readonly name = 'SubstitutionTooLong';
}

const MAX_VALUE_BYTES = 131_071;
const REFERENCE = /\$\{([^{}$\s]+)\}/g;

/**
 * Replaces each `${NAME}` whose name is known; everything else stays as it is, `$NAME` and unknown names too.
 * What was put in is not looked at again, so a value can never smuggle in a reference.
 * @throws SubstitutionTooLong
 */
export const substitute = (text: string, values: ReadonlyMap<string, string>): string => {
  if (!text.includes('${')) return text;
  let length = 0;
  let from = 0;
  const parts: string[] = [];
  const push = (part: string): void => {
    length += Buffer.byteLength(part);
    if (length > MAX_VALUE_BYTES)
      throw new SubstitutionTooLong(`a substituted value is longer than ${MAX_VALUE_BYTES} bytes`);
    parts.push(part);
  };
  for (const match of text.matchAll(REFERENCE)) {
    const value = values.get(match[1] ?? '');
    if (value === undefined) continue;
    push(text.slice(from, match.index));
    push(value);
    from = match.index + match[0].length;
  }
  push(text.slice(from));
  return parts.join('');
};

/** The variables that tell the instances of a task apart (contract, section 4.3). */
export const instanceNumbers = (instance: number, instanceCount: number): ReadonlyMap<string, string> =>
  new Map([
    ['INSTANCE_ID', String(instance)],
    ['INSTANCE_COUNT', String(instanceCount)],
    ['FRAME_ID', String(instance)],
    ['QRANK', String(instance)],
    ['QSIZE', String(instanceCount)],
  ]);

/**
 * Resolves constants that refer to each other: a constant may hold `${OTHER}`. A circle leaves its last reference as it is.
 * @param fixed values that are taken as they are (secrets, the platform's variables) and win over a constant of the same name
 * @throws SubstitutionTooLong so a chain of doublings ends early
 */
export const resolveConstants = (
  constants: ReadonlyMap<string, string>,
  fixed: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> => {
  const resolved = new Map(fixed);
  const open = new Set<string>();
  const resolve = (name: string, raw: string): string => {
    const known = resolved.get(name);
    if (known !== undefined) return known;
    open.add(name);
    const needed = new Map<string, string>();
    for (const [, reference = ''] of raw.matchAll(REFERENCE)) {
      const text = constants.get(reference);
      const value =
        resolved.get(reference) ?? (text === undefined || open.has(reference) ? undefined : resolve(reference, text));
      if (value !== undefined) needed.set(reference, value);
    }
    const value = substitute(raw, needed);
    open.delete(name);
    resolved.set(name, value);
    return value;
  };
  for (const [name, raw] of constants) resolve(name, raw);
  return resolved;
};
