/** What was given of some settings, and what was wrong with how it was given. */
export interface GivenSettings {
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The settings of these names: `<NAME>` holds the value, or `<NAME>_FILE` the file with it, without the white space around. A secret belongs
 * in a file: the environment of a process is shown to whoever may look at the process, and handed on to its children. An empty value counts as
 * unset. Where `<NAME>_FILE` is a name itself, its reader looks after it.
 */
export const givenSettings = (
  names: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  read: (path: string) => string,
): GivenSettings => {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of names) {
    const fileSetting = `${name}_FILE`;
    const value = env[name] ?? '';
    const file = names.includes(fileSetting) ? '' : (env[fileSetting] ?? '');
    if (value !== '' && file !== '') problems.push(`${name} and ${fileSetting} are both set; set one`);
    else if (value !== '') values[name] = value;
    else if (file !== '') {
      try {
        const text = read(file).trim();
        if (text === '') problems.push(`${fileSetting}: ${file} is empty`);
        else values[name] = text;
      } catch (error) {
        problems.push(`${fileSetting}: ${messageOf(error)}`);
      }
    }
  }
  return { values, problems };
};
