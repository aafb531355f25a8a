import { Injectable } from '@nestjs/common';
import { NotFound } from '@fornax/base';
import { wireDate, writtenProfileOf, type WireProfileVersion, type WirePublishedProfile } from '@fornax/contracts';
import {
  mayUseProfile,
  PLACEHOLDER_IMAGE,
  PLATFORM,
  profileIdOf,
  shippedProfiles,
  type ProfileDocument,
} from '@fornax/domain';
import { type Account, AccountDirectory } from '@fornax/identity';
import { Audiences } from '../model/audiences.js';
import { Owners, ownersFor } from '../model/owners.js';
import type { ProfileRecord } from '../model/profile-rows.js';
import { ProfileReader } from './profile-reader.js';

/** Which profile is meant. */
interface Named {
  readonly name: string;
  readonly organization?: string | undefined;
  readonly version?: number | undefined;
}

/** Published profiles, as those see them who may use or publish them; others learn nothing of them. */
@Injectable()
export class ShownProfiles {
  constructor(
    private readonly reader: ProfileReader,
    private readonly owners: Owners,
    private readonly audiences: Audiences,
    private readonly accounts: AccountDirectory,
  ) {}

  /** The newest version of each, and the documents that ship and that nobody has published yet. */
  async list(account: Account): Promise<readonly WirePublishedProfile[]> {
    const rows = await this.reader.newest(account.role === 'operator' ? undefined : ownersFor(account));
    const seen = rows.filter((row) => this.sees(account, row));
    const ofPlatform = new Set(rows.filter(({ owner }) => owner === PLATFORM).map(({ name }) => name));
    const waiting = shippedProfiles.filter(({ name }) => !ofPlatform.has(name)).map(shipped);
    return [...seen.map((row) => this.wire(row, account)), ...waiting].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** One version, or the newest, with its document. @throws NotFound */
  async show(account: Account, named: Named): Promise<WireProfileVersion> {
    const newest = await this.find(account, named);
    if (newest === undefined) {
      const document = shippedProfiles.find(({ name }) => name === named.name);
      if (!document || (named.version ?? 0) !== 0 || (named.organization ?? PLATFORM) !== PLATFORM)
        throw notFound(named);
      return { ...shipped(document), document: writtenProfileOf(document, undefined) };
    }
    const row = named.version === undefined ? newest : await this.reader.version(newest.profile_id, named.version);
    // Whoever may use it now could not use an earlier one that let others in.
    if (row === undefined || !this.sees(account, row)) throw notFound(named);
    return { ...this.wire(row, account), document: this.documentOf(row, account) };
  }

  /** All versions, the newest first. @throws NotFound */
  async versions(account: Account, named: Named): Promise<readonly WirePublishedProfile[]> {
    const newest = await this.find(account, named);
    if (newest === undefined) throw notFound(named);
    const rows = await this.reader.versions(newest.profile_id);
    return rows.filter((row) => this.sees(account, row)).map((row) => this.wire(row, account));
  }

  /** As it was published or retired just now. @throws NotFound */
  async published(owner: string, name: string, account: Account): Promise<WirePublishedProfile> {
    const [row] = await this.reader.named(name, [owner]);
    if (!row) throw notFound({ name });
    return this.wire(row, account);
  }

  private async find(account: Account, { name, organization }: Named): Promise<ProfileRecord | undefined> {
    const asked = organization === undefined ? ownersFor(account) : [this.owners.ownerOf(organization) ?? ''];
    const rows = (await this.reader.named(name, asked)).filter((row) => this.sees(account, row));
    return asked.flatMap((owner) => rows.find((row) => profileIdOf(owner, name) === row.profile_id) ?? []).at(0);
  }

  private sees(account: Account, { owner, document }: ProfileRecord): boolean {
    return this.owners.mayPublish(account, owner) || mayUseProfile(owner, document, this.owners.userOf(account));
  }

  /** Whom else it lets in is told to those who publish it. */
  private documentOf({ owner, document }: ProfileRecord, account: Account): WireProfileVersion['document'] {
    const audience = this.owners.mayPublish(account, owner) ? this.audiences.namesOf(document.audience) : undefined;
    return writtenProfileOf(document, audience);
  }

  private wire(row: ProfileRecord, account: Account): WirePublishedProfile {
    const { owner, name, version, document, retired_ms: retired } = row;
    const [, actor = ''] = /^user:(.*)$/s.exec(row.published_by) ?? [];
    const publisher = this.owners.mayPublish(account, owner) ? this.accounts.byId(actor)?.email : undefined;
    return {
      name,
      version,
      organization: this.owners.nameOf(owner),
      description: document.description,
      image: document.image,
      isReady: document.image !== PLACEHOLDER_IMAGE,
      publishedAt: wireDate(Number(row.published_ms)),
      publishedBy: publisher ?? null,
      retiredAt: retired === null ? null : wireDate(Number(retired)),
    };
  }
}

const notFound = ({ name, version }: Pick<Named, 'name' | 'version'>): NotFound =>
  new NotFound(`No such profile: ${name}${version === undefined ? '' : `, version ${version}`}`);

const shipped = ({ name, description, image }: ProfileDocument): WirePublishedProfile => ({
  name,
  version: 0,
  organization: null,
  description,
  image,
  isReady: false,
  publishedAt: null,
  publishedBy: null,
  retiredAt: null,
});
