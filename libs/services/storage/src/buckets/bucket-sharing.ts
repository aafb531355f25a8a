import { Injectable } from '@nestjs/common';
import { granteeKindSchema, type WireBucketGrant } from '@fornax/contracts';
import { type Grantee, type GrantAccess, granteeKey } from '@fornax/domain';
import { type Account, AccountDirectory, type Need, type RequestContext, userMeta } from '@fornax/identity';
import { Forbidden, NotFound } from '@fornax/base';
import { parseInput } from '@fornax/service-kit';
import { isBucketName } from '../model/bucket-names.js';
import type { Bucket, StoredGrant } from '../model/bucket.js';
import { StorageReads } from '../reading/storage-reads.js';
import { BucketCommands } from './bucket.commands.js';
import { BucketDecisions, type TimelessBucketCommand } from './bucket-decisions.js';

/** A grantee as somebody names it. */
interface Named {
  readonly kind: string;
  readonly who: string;
}

/** Shares buckets: their owner may, and whoever may tend to what the owner has. */
@Injectable()
export class BucketSharing {
  constructor(
    private readonly buckets: BucketCommands,
    private readonly decisions: BucketDecisions,
    private readonly accounts: AccountDirectory,
    private readonly reads: StorageReads,
  ) {}

  /** @throws NotFound, Forbidden */
  async grantsOf(caller: Account, name: string): Promise<readonly WireBucketGrant[]> {
    await this.reads.catchUpRows();
    const { grants } = await this.#managed(caller, name, 'look');
    return grants.map((grant) => this.shown(grant));
  }

  /**
   * Gives somebody access; what the grantee had before is over.
   * @throws Invalid the kind of grantee
   * @throws NotFound the bucket, or the grantee
   * @throws Forbidden somebody else's bucket; a grantee that is none of a coordinator's
   * @throws CommandRejected
   */
  async grant(name: string, named: Named, access: GrantAccess, context: RequestContext): Promise<WireBucketGrant> {
    const bucket = await this.#managed(context.account, name, 'tend');
    const grantee = this.#found(context.account, named, bucket);
    this.#checkReach(context.account, bucket, grantee);
    const command = { type: 'GrantBucket', owner: bucket.owner, grantee, access } as const;
    const at = await this.#decide(bucket, command, context);
    const before = bucket.grants.find((one) => granteeKey(one.grantee) === granteeKey(grantee));
    return this.shown(before?.access === access ? before : { grantee, access, grantedAt: new Date(at) });
  }

  /** Takes access away. @throws as `grant` does; CommandRejected `grant-not-found` */
  async revoke(name: string, named: Named, context: RequestContext): Promise<void> {
    const bucket = await this.#managed(context.account, name, 'tend');
    const grantee = this.#found(context.account, named, bucket);
    await this.#decide(bucket, { type: 'RevokeBucketGrant', owner: bucket.owner, grantee }, context);
  }

  shown({ grantee: { kind, id }, access, grantedAt }: StoredGrant): WireBucketGrant {
    return { kind, id, name: this.#nameOf({ kind, id }), access, grantedAt: grantedAt.toISOString() };
  }

  #nameOf({ kind, id }: Grantee): string {
    switch (kind) {
      case 'user':
        return this.accounts.byId(id)?.email ?? id;
      case 'project':
        return this.accounts.project(id)?.name ?? id;
      case 'organization':
        return this.accounts.organisation(id)?.name ?? id;
    }
  }

  /** A bucket whose grants the caller may see, or change. Who may do nothing with it does not learn that it exists. */
  async #managed(caller: Account, name: string, need: Need): Promise<Bucket> {
    const bucket = isBucketName(name) ? await this.buckets.find(name) : undefined;
    if (bucket && this.accounts.reaches(caller, bucket.owner, need)) return bucket;
    if (!bucket || this.buckets.accessOf(caller.id, bucket) === undefined)
      throw new NotFound(`No such bucket: ${name}`, { code: 'bucket-not-found' });
    throw new Forbidden('Only the owner of a bucket shares it, or who looks after its owner', {
      code: 'not-the-owner',
    });
  }

  #found(caller: Account, { kind: kindText, who }: Named, bucket: Bucket): Grantee {
    const kind = parseInput(granteeKindSchema, kindText);
    const id = this.#idOf(caller, kind, who, bucket);
    if (id === undefined) throw new NotFound(`There is no such ${kind}: ${who}`, { code: 'grantee-not-found' });
    return { kind, id };
  }

  #idOf(caller: Account, kind: Grantee['kind'], who: string, bucket: Bucket): string | undefined {
    const { owner } = bucket;
    switch (kind) {
      case 'user':
        return this.accounts.find(who)?.id;
      case 'project':
        return (
          this.accounts.project(who.toLowerCase())?.id ??
          this.accounts.usableProjects(owner).find(({ slug }) => slug === who.toLowerCase())?.id
        );
      case 'organization':
        return this.#organizationOf(caller, who, bucket);
    }
  }

  /**
   * Names of organizations are told to operators and members alone: another one is named by its id, which nobody guesses, unless the bucket is shared with
   * it already.
   */
  #organizationOf(caller: Account, who: string, { owner, grants }: Bucket): string | undefined {
    const id = this.accounts.organisation(who)?.id;
    const members = [caller.organisationId, this.accounts.byId(owner)?.organisationId];
    const isGranted = grants.some(({ grantee }) => grantee.kind === 'organization' && grantee.id === id);
    return id === who || caller.role === 'operator' || members.includes(id) || isGranted ? id : undefined;
  }

  /** A coordinator looks after one organization, and lets nobody else in; owners and operators share with anybody. */
  #checkReach(caller: Account, { owner }: Bucket, { kind, id }: Grantee): void {
    if (caller.id === owner || caller.role === 'operator') return;
    const organizationOf = {
      user: () => this.accounts.byId(id)?.organisationId,
      project: () => this.#organizationOfProject(id),
      organization: () => id,
    }[kind]();
    if (organizationOf !== caller.organisationId)
      throw new Forbidden('A coordinator shares buckets within the organization only', { code: 'other-organization' });
  }

  #organizationOfProject(id: string): string | null | undefined {
    const project = this.accounts.project(id);
    return project?.ownerKind === 'account' ? this.accounts.byId(project.ownerId)?.organisationId : project?.ownerId;
  }

  async #decide({ name, owner }: Bucket, command: TimelessBucketCommand, context: RequestContext): Promise<number> {
    const meta = userMeta('storage', context, { kind: 'user', id: owner });
    const { sequence, at } = await this.decisions.append(name, command, meta);
    await this.reads.waitForRows(sequence);
    return at;
  }
}
