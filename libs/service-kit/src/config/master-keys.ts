import { readFileSync } from 'node:fs';
import { ConfigError, keyCommandOf, runKeyCommand, type Env, type KeyCommand } from '@fornax/base';
import { z } from 'zod';

/** Where the master key comes from. */
export const MASTER_KEY_SETTINGS = {
  FORNAX_MASTER_KEY: z.string().optional(),
  FORNAX_MASTER_KEY_FILE: z.string().optional(),
  FORNAX_MASTER_KEYS_READ: z.string().optional(),
  FORNAX_MASTER_KEY_COMMAND: z.string().optional(),
};
type Values = Readonly<Partial<Record<keyof typeof MASTER_KEY_SETTINGS, string | undefined>>>;

/** 32 bytes in base64 and nothing else: no program that seals makes so little of a key. */
const CLEAR_KEY = /^[A-Za-z0-9+/_-]{43}=?$/;

const readKeyFile = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError([`FORNAX_MASTER_KEY_FILE: ${cause instanceof Error ? cause.message : String(cause)}`]);
  }
};

const keyOf = (setting: string, encoded: string): Uint8Array => {
  const key = Buffer.from(encoded.trim(), 'base64');
  if (key.length !== 32) throw new ConfigError([`${setting} must be 32 bytes in base64`]);
  return key;
};

const openedBy = (command: KeyCommand, sealed: string, env: Env): Uint8Array =>
  keyOf('What FORNAX_MASTER_KEY_COMMAND writes', runKeyCommand(command, 'decrypt', sealed, env));

/** With a command the master key is what that makes of it: one that lay there in clear would not be protected by it. */
const masterKeyOf = (text: string | undefined, command: KeyCommand | undefined, env: Env): Uint8Array => {
  if (text === undefined) throw new ConfigError(['FORNAX_MASTER_KEY (or FORNAX_MASTER_KEY_FILE) must be set']);
  if (command === undefined) return keyOf('FORNAX_MASTER_KEY', text);
  if (CLEAR_KEY.test(text.trim()))
    throw new ConfigError([
      'FORNAX_MASTER_KEY_COMMAND opens the master key, and the one that is given is in clear: put what the command makes of it with "encrypt" in its place',
    ]);
  return openedBy(command, text, env);
};

const keysRead = (text: string, command: KeyCommand | undefined, env: Env): readonly Uint8Array[] =>
  text
    .split(/[\s,]+/)
    .filter((encoded) => encoded !== '')
    .map((encoded) =>
      command === undefined || CLEAR_KEY.test(encoded)
        ? keyOf('Each key of FORNAX_MASTER_KEYS_READ', encoded)
        : openedBy(command, encoded, env),
    );

/**
 * The master keys of a process, from its settings, from files, or from what a command opens. `FORNAX_MASTER_KEY` may itself have been read from the file that
 * `FORNAX_MASTER_KEY_FILE` names. @throws ConfigError
 */
export const loadMasterKeys = (values: Values, env: Env) => {
  const { FORNAX_MASTER_KEY: text, FORNAX_MASTER_KEY_FILE: file, FORNAX_MASTER_KEYS_READ: others = '' } = values;
  const command = values.FORNAX_MASTER_KEY_COMMAND ? keyCommandOf(values.FORNAX_MASTER_KEY_COMMAND) : undefined;
  const given = text ?? (file === undefined ? undefined : readKeyFile(file));
  const from = env['FORNAX_MASTER_KEY']
    ? 'FORNAX_MASTER_KEY'
    : `FORNAX_MASTER_KEY_FILE (${env['FORNAX_MASTER_KEY_FILE'] ?? ''})`;
  return {
    masterKey: masterKeyOf(given, command, env),
    masterKeysRead: keysRead(others, command, env),
    masterKeySource: command === undefined ? from : `${from}, as ${command[0]} opens it`,
  };
};

/** For a service that needs none: whoever gives it one all the same is told, since what it does not have it cannot lose. @throws ConfigError */
export const noMasterKeys = (name: string, env: Env) => {
  const given = Object.keys(MASTER_KEY_SETTINGS)
    .flatMap((setting) => [setting, `${setting}_FILE`])
    .filter((setting, at, all) => all.indexOf(setting) === at)
    .filter((setting) => env[setting] !== undefined && env[setting] !== '');
  if (given.length > 0)
    throw new ConfigError([
      `${name} needs no master key and is not to have one: take ${given.join(', ')} out of its environment`,
    ]);
  return { masterKey: undefined, masterKeysRead: [], masterKeySource: '' };
};
