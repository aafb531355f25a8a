import { hostname } from 'node:os';

import { ConfigError } from '@fornax/base';
import { nodeJoinedSchema, nodeNameSchema, type NodeJoined } from '@fornax/contracts';
import { createNkey, nkeyFromSeed } from '@fornax/event-store';
import { z } from 'zod';

import { readNodeFile, writeNodeFile } from './node-file.js';

export interface JoinOptions {
  /** The API of the platform. */
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly folder: string;
}

const TIMEOUT_MS = 15_000;
/** S3 signatures are refused when the clocks differ by a quarter of an hour. */
const SKEW_MS = 60_000;

/** The machine's own name, as far as it can be the name of a node. */
export const defaultName = (): string | undefined => {
  const [label = ''] = hostname().toLowerCase().split('.');
  const name = label.replaceAll(/[^a-z0-9-]+/g, '-').replaceAll(/^-+|-+$/g, '');
  return nodeNameSchema.safeParse(name).success ? name : undefined;
};

/** @throws ConfigError */
const joinUrl = (url: string): URL => {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (!base || !/^https?:$/.test(base.protocol))
    throw new ConfigError(`${url} is no address of a platform: it looks like https://fornax.example.org`);
  return new URL('fornax/v1/nodes/join', url.endsWith('/') ? url : `${url}/`);
};

const refusalSchema = z.object({ message: z.string(), code: z.string().optional() });

const textOf = (status: number, body: string): string => {
  try {
    const { message } = refusalSchema.parse(JSON.parse(body));
    if (status === 401)
      return 'the token is wrong: it is used whole, as `fornax node token` printed it. Ask for another one if it is lost.';
    return `${message} (HTTP ${status})`;
  } catch {
    return `HTTP ${status}: is this the address of a Fornax platform?`;
  }
};

const send = async ({ url, token }: JoinOptions, body: object): Promise<NodeJoined> => {
  const target = joinUrl(url);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(target, {
      method: 'POST',
      redirect: 'error',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await answer.text();
  } catch (error) {
    const { cause } = error instanceof Error ? error : new Error(String(error));
    const why = cause instanceof Error ? cause.message : error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `the platform at ${target.origin} cannot be reached: ${why}. Run the same command again in the same folder: the token still opens.`,
    );
  }
  if (!answer.ok) throw new ConfigError(textOf(answer.status, text));
  const parsed = nodeJoinedSchema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new ConfigError(`${target.origin} answers, but not as a Fornax platform of this version`);
  return parsed.data;
};

/** What the two clocks say, when they differ by more than a minute. */
const skewOf = (theirs: number, before: number, after: number): string | undefined => {
  const ms = theirs > after ? theirs - after : theirs < before ? theirs - before : 0;
  if (Math.abs(ms) < SKEW_MS) return undefined;
  const direction = ms > 0 ? 'behind' : 'ahead of';
  return (
    `this machine's clock is ${Math.round(Math.abs(ms) / 1000)} s ${direction} the platform's: set it (NTP), ` +
    'or transfers of files will be refused'
  );
};

/**
 * Makes a key in the folder and uses the token for it. The key stays here. Safe to repeat in the same folder with the same token.
 * @returns what a person should know; usually nothing
 * @throws ConfigError what went wrong and what to do
 */
export const joinPlatform = async (options: JoinOptions): Promise<readonly string[]> => {
  const { url, name, folder } = options;
  const known = readNodeFile(folder);
  if (known?.joined)
    throw new ConfigError(
      `${folder} is the folder of ${known.name} at ${known.platform} already: start it with "fornax-node run", or choose another --dir`,
    );
  // A join whose answer was lost is asked for again with the same key.
  const isSame = known?.platform === url && known.name === name;
  const key = isSame ? nkeyFromSeed(known.seed, 'user') : createNkey('user');
  const file = { platform: url, name, seed: key.seed };
  joinUrl(url);
  await writeNodeFile(folder, file);
  const before = Date.now();
  const { natsUrl, storageUrl, at } = await send(options, { name, publicKey: key.publicKey, at: before });
  await writeNodeFile(folder, { ...file, joined: { natsUrl, storageUrl } });
  const skew = skewOf(at, before, Date.now());
  return skew === undefined ? [] : [skew];
};
