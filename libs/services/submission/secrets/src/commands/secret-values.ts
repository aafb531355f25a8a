import { Injectable } from '@nestjs/common';
import { Conflict, Forbidden, NotFound } from '@fornax/base';
import { CommandRejected } from '@fornax/event-store';
import { Sealer, type RequestContext } from '@fornax/identity';
import { DataKeys, KeyDestroyed } from '@fornax/service-kit';
import { SecretCommits } from './secret-commits.js';
import { identityOf } from '../model/secret-rows.js';
import { secretIdOf, SecretLookup, type KeptSecret } from '../queries/secret-lookup.js';

/** Secrets of one account, at most. */
const MOST_SECRETS = 10_000;

/** A value of a secret, in clear. */
export interface SecretValue {
  readonly key: string;
  readonly version: number;
  readonly value: string;
}

/** Creates, changes, shows and deletes secrets of the account that asks. */
@Injectable()
export class SecretValues {
  constructor(
    private readonly commits: SecretCommits,
    private readonly lookup: SecretLookup,
    private readonly keys: DataKeys,
    private readonly sealer: Sealer,
  ) {}

  /** @throws Conflict @throws Forbidden the account has as many as it may have */
  async create(key: string, value: string, context: RequestContext): Promise<void> {
    const owner = context.account.id;
    const secretId = secretIdOf(owner, key);
    const row = await this.lookup.rowOf(owner, key);
    if (row?.key_id) throw new Conflict('There is a secret with this key already', { code: 'secret-exists' });
    if ((await this.lookup.count(owner)) >= MOST_SECRETS)
      throw new Forbidden(`This account has ${MOST_SECRETS} secrets already`, { code: 'too-many-secrets' });
    const { keyId, key: dataKey } = await this.keys.create(secretId);
    const sealed = this.sealer.seal(dataKey, value, identityOf(secretId));
    try {
      await this.commits.decide(secretId, { type: 'CreateSecret', owner, key, keyId, sealed }, context, row);
    } catch (error) {
      // After anything else the secret may be in the log, with this key.
      if (error instanceof CommandRejected) await this.keys.destroy([keyId]);
      throw error;
    }
  }

  /** @throws NotFound */
  async change(key: string, value: string, context: RequestContext): Promise<void> {
    await this.write(await this.lookup.find(context.account.id, key), value, context);
  }

  /** Gives a secret the value of an earlier version again, as a new version. @throws NotFound also when that version cannot be read any more */
  async restore(key: string, version: number, context: RequestContext): Promise<void> {
    const row = await this.lookup.find(context.account.id, key);
    const { value } = await this.open(row, version);
    await this.write(row, value, context, version);
  }

  /** Shows a value, and says in the log that it did. @param version the newest, unless given @throws NotFound, Forbidden */
  async read(key: string, context: RequestContext, version?: number): Promise<SecretValue> {
    if (context.account.readBy !== undefined)
      throw new Forbidden('The value of a secret is shown to its own account alone', { code: 'read-only' });
    const row = await this.lookup.find(context.account.id, key);
    const opened = await this.open(row, version ?? row.version);
    await this.commits.decide(row.secret_id, { type: 'RecordRead', version: opened.version }, context, row);
    return opened;
  }

  /** Deletes a secret with all of its versions: its data key is destroyed. @throws NotFound */
  async delete(key: string, context: RequestContext): Promise<void> {
    const row = await this.lookup.find(context.account.id, key);
    const events = await this.commits.decide(row.secret_id, { type: 'DeleteSecret' }, context, row);
    // Should this process end before: whoever follows the log does it (DestroyedKeys).
    await this.keys.destroy(events.flatMap((event) => (event.type === 'SecretDeleted' ? [event.keyId] : [])));
  }

  private async write(row: KeptSecret, value: string, context: RequestContext, restoredFrom?: number): Promise<void> {
    const { secret_id: secretId, key_id: keyId } = row;
    const sealed = this.sealer.seal(await this.keyOf(row), value, identityOf(secretId));
    const restored = restoredFrom === undefined ? {} : { restoredFrom };
    await this.commits.decide(secretId, { type: 'ChangeSecret', keyId, sealed, ...restored }, context, row);
  }

  private async open(row: KeptSecret, version: number): Promise<SecretValue> {
    const [found] = await this.lookup.versionsOf(row, version);
    if (found === undefined)
      throw new NotFound(`The secret ${row.key} has no version ${version}`, { code: 'secret-version-not-found' });
    const value = this.sealer.open(await this.keyOf(row), found.sealed, identityOf(row.secret_id));
    return { key: row.key, version, value };
  }

  /** @throws NotFound another process deleted the secret @throws KeyDestroyed */
  private async keyOf({ owner, key, key_id: keyId }: KeptSecret): Promise<Uint8Array> {
    try {
      return await this.keys.find(keyId);
    } catch (error) {
      // The rows may not show yet that it was deleted.
      if (error instanceof KeyDestroyed) await this.lookup.findNow(owner, key);
      throw error;
    }
  }
}
