import { join } from 'node:path';
import { ensurePrivateFolder, writePrivateFile } from '@fornax/embedded';

/** Settings whose value is a secret, whoever they are for. */
const SECRET =
  /^FORNAX_(MASTER_KEY|MASTER_KEYS_READ|DATABASE_URL|.*(PASSWORD|SECRET|TOKEN|ACCESS_KEY|CREDENTIALS|SEED).*)$/;

export const isSecretSetting = (name: string): boolean => SECRET.test(name) && !name.endsWith('_FILE');

/**
 * The environment of a child with the path of a file, `<NAME>_FILE`, in the place of each secret: /proc shows an environment to whatever runs as
 * the same user, and a child hands it on to its own.
 * @param folder for these files; of this child alone
 */
export const withSecretFiles = async (
  variables: Readonly<Record<string, string>>,
  folder: string,
): Promise<Record<string, string>> => {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) if (!isSecretSetting(name)) given[name] = value;
  for (const [name, value] of Object.entries(variables)) {
    if (!isSecretSetting(name) || value === '') continue;
    await ensurePrivateFolder(folder);
    const file = join(folder, name);
    await writePrivateFile(file, `${value}\n`);
    given[`${name}_FILE`] = file;
  }
  return given;
};

/** What a server that is not of ours gets of our environment: no setting of the platform and no credential of a client. */
export const forForeignPrograms = (env: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(FORNAX_|QARNOT_|AWS_)/.test(name)));
