import { Injectable } from '@nestjs/common';
import { RpcClient } from '@fornax/base';
import {
  RPC,
  secretRightsReplySchema,
  secretsExcess,
  type SecretRightsReply,
  type SecretsReply,
  type SecretsRequest,
} from '@fornax/contracts';
import { rightsWithin } from '@fornax/domain';
import { Sealer } from '@fornax/identity';
import { DataKeys } from '@fornax/service-kit';
import { AskingBounds } from './asking-bounds.js';
import { SecretGrants } from './secret-grants.js';
import { identityOf } from '../model/secret-rows.js';
import { SecretLookup, type SealedSecret } from '../queries/secret-lookup.js';

/** Secrets in one answer, and bytes of them as JSON: a message takes a million, and the last value may be one of 64 KiB that JSON writes six times as long. */
const MOST_SECRETS = 200;
const MOST_BYTES = 400_000;
/** Keys without a secret that are told. */
const MOST_MISSING = 20;

type Part = Extract<SecretsReply, { granted: true }>;
type Rights = Extract<SecretRightsReply, { current: true }>;

const ofWish = (rights: Rights, wish: NonNullable<SecretsRequest['wants']>): Pick<Rights, 'keys' | 'prefixes'> => {
  const { keys, prefixes } = rightsWithin(rights, wish);
  return { keys: [...keys], prefixes: [...prefixes] };
};

const lostText = (key: string): string =>
  `The secret ${key} cannot be opened: its data key is lost. Delete it, and create it again with its value`;

/** Gives the secrets that the instance of a lease may read to the node that holds it, and to no other. */
@Injectable()
export class LeaseSecrets {
  private readonly bounds = new AskingBounds();

  constructor(
    private readonly rpc: RpcClient,
    private readonly lookup: SecretLookup,
    private readonly keys: DataKeys,
    private readonly sealer: Sealer,
    private readonly grants: SecretGrants,
  ) {}

  /** @param node that asks, as NATS permissions prove @throws Unavailable nobody can say whether the lease lives, or it asks too often */
  async of(node: string, { leaseId, taskId, instance, after = '', wants }: SecretsRequest): Promise<SecretsReply> {
    this.bounds.admit(node, leaseId);
    const lease = { leaseId, taskId, instance, node };
    const whole = await this.rpc.request(RPC.secretRights, lease, secretRightsReplySchema);
    if (!whole.current) return { granted: false, reason: 'the lease is not current on this node' };
    this.bounds.wasOwn(node);
    const rights = wants === undefined ? whole : { ...whole, ...ofWish(whole, wants) };
    const excess = secretsExcess(await this.lookup.sizeOf(rights.owner, rights));
    if (excess !== undefined) return { granted: false, code: 'FX-SECRETS', reason: excess };
    if (wants !== undefined && 'below' in wants && wants.namesOnly === true) return this.names(rights, after);
    const part = await this.part(rights, after);
    if (!part.granted) return part;
    const secrets = part.secrets.map(({ key, version }) => ({ key, version }));
    const how = wants === undefined ? {} : { onRequest: true as const };
    // Before they are given: what is not in the log was not granted.
    await this.grants.record({ owner: rights.owner, ...lease, secrets, ...how });
    const missing =
      after === '' && wants === undefined ? await this.lookup.missing(rights.owner, rights.keys, MOST_MISSING) : [];
    return missing.length === 0 ? part : { ...part, missing: [...missing] };
  }

  private async names({ owner, keys, prefixes }: Rights, after: string): Promise<Part> {
    const found = await this.lookup.granted(owner, { keys, prefixes }, { after, most: MOST_SECRETS });
    const names = found.map(({ key }) => key);
    const next = names.at(-1);
    const hasMore = names.length === MOST_SECRETS;
    return { granted: true, secrets: [], names, hasMore, ...(hasMore && next !== undefined ? { next } : {}) };
  }

  /**
   * A key is missing where its secret was deleted a moment ago, which the rows show after the barrier. Where they show the secret still, the key is lost:
   * an instance that began without would be told nothing.
   */
  private async part({ owner, keys, prefixes }: Rights, after: string): Promise<SecretsReply> {
    const missing = new Set<string>();
    for (;;) {
      const sealed = await this.lookup.granted(owner, { keys, prefixes }, { after, most: MOST_SECRETS });
      const opening = await this.keys.findAll(sealed.map(({ key_id: keyId }) => keyId));
      const closed = sealed.filter(({ key_id: keyId }) => !opening.has(keyId));
      if (closed.length === 0) return this.partOf(sealed, opening);
      const lost = closed.find(({ key_id: keyId }) => missing.has(keyId));
      if (lost) return { granted: false, code: 'FX-SECRETS', reason: lostText(lost.key) };
      for (const { key_id: keyId } of closed) missing.add(keyId);
      await this.lookup.caughtUp();
    }
  }

  private partOf(sealed: readonly SealedSecret[], keys: ReadonlyMap<string, Uint8Array>): Part {
    const secrets: Part['secrets'] = [];
    let bytes = 0;
    for (const row of sealed) {
      const key = keys.get(row.key_id);
      if (key === undefined || bytes > MOST_BYTES) break;
      const value = this.sealer.open(key, row.sealed, identityOf(row.secret_id));
      bytes += Buffer.byteLength(JSON.stringify(value));
      secrets.push({ key: row.key, version: row.version, value });
    }
    const next = secrets.at(-1)?.key;
    const hasMore = secrets.length < sealed.length || sealed.length === MOST_SECRETS;
    return { granted: true, secrets, hasMore, ...(hasMore && next !== undefined ? { next } : {}) };
  }
}
