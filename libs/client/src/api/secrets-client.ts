import type { WireSecretAccesses, WireSecretVersions } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';
import { nothing } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/secrets.js'));

type Access = WireSecretAccesses['accesses'][number];

/** Which accesses are asked for; a `key` with a slash at its end is a folder. Dates in ISO 8601. */
export interface AskedAccesses {
  readonly key?: string;
  readonly taskUuid?: string;
  readonly from?: string;
  readonly to?: string;
}

const inPath = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

/** Secrets of the account. */
export class SecretsClient {
  constructor(private readonly json: JsonCall) {}

  /** Names directly below a folder, relative to it; folders have a slash at their ends. */
  async list(folder = ''): Promise<readonly string[]> {
    return (await this.json('GET', `/secrets-manager/search/${inPath(folder)}`, schema('secretKeysSchema'))).keys;
  }

  async create(key: string, value: string): Promise<void> {
    await this.json('PUT', `/secrets-manager/data/${inPath(key)}`, nothing, { body: { value } });
  }

  async update(key: string, value: string): Promise<void> {
    await this.json('PATCH', `/secrets-manager/data/${inPath(key)}`, nothing, { body: { value } });
  }

  async delete(key: string): Promise<void> {
    await this.json('DELETE', `/secrets-manager/data/${inPath(key)}`, nothing);
  }

  /** @param version the newest, unless given */
  async get(key: string, version?: number): Promise<string> {
    const query = version === undefined ? '' : `?version=${version}`;
    return (await this.json('GET', `/fornax/v1/secrets/data/${inPath(key)}${query}`, schema('secretValueSchema')))
      .value;
  }

  async versions(key: string): Promise<WireSecretVersions['versions']> {
    return (await this.json('GET', `/fornax/v1/secrets/versions/${inPath(key)}`, schema('secretVersionsSchema')))
      .versions;
  }

  /** Gives a secret the value of an earlier version again. */
  async rollBack(key: string, version: number): Promise<void> {
    await this.json('POST', `/fornax/v1/secrets/restore/${inPath(key)}`, nothing, { body: { version } });
  }

  /** Who was given which secret, newest first. */
  async *accesses(asked: AskedAccesses = {}): AsyncGenerator<Access> {
    for (let after: string | null = ''; after !== null;) {
      const query = new URLSearchParams({ ...asked, ...(after === '' ? {} : { after }), limit: '1000' });
      const page: WireSecretAccesses = await this.json(
        'GET',
        `/fornax/v1/secrets/accesses?${query}`,
        schema('secretAccessesSchema'),
      );
      yield* page.accesses;
      after = page.next;
    }
  }
}
