import { Inject, Injectable } from '@nestjs/common';
import { wireDate, type BucketLinksQuery, type WireBucketLinks } from '@fornax/contracts';
import { presignedUrl, uriEncode, type QueryPairs } from '@fornax/s3';
import { CLOCK, CORE_CONFIG, type CoreConfig } from '@fornax/service-kit';
import { AccountDirectory, type Account } from '@fornax/identity';
import { Forbidden, NotFound, type Clock } from '@fornax/base';
import { FrontDoorHost } from '../door/front-door.host.js';
import { PAGE_ORIGIN_QUERY } from '../door/page-origin.js';
import { allows } from '../model/bucket-access.js';
import { SNAPSHOTS_BUCKET, isBucketName } from '../model/bucket-names.js';
import { BucketCommands } from '../buckets/bucket.commands.js';
import { READ_AS_MINUTES, READ_AS_QUERY } from '../access/read-as.js';

const DEFAULT_MINUTES = 15;
const MINUTE_MS = 60_000;

type Operation = BucketLinksQuery['operation'];
const READING: readonly Operation[] = ['list', 'read'];
const ON_BUCKET: readonly Operation[] = ['make', 'list', 'uploads'];

const readOnly = (): Forbidden => new Forbidden('You may only read here', { code: 'read-only' });

const notSeen = (): Forbidden =>
  new Forbidden('This bucket is of somebody outside of your organization, and shared with that account alone', {
    code: 'other-organization',
  });

interface Request {
  readonly method: WireBucketLinks['method'];
  readonly queries: readonly QueryPairs[];
}

/** The last part of a key: how the file is called that it becomes. */
const fileName = (key: string): string => key.split('/').findLast((part) => part !== '') ?? key;

/** How the content of an object is shown: as a file to keep, unless it is one of the types that hold nothing to run. */
const shownAs = ({ key = '', type }: BucketLinksQuery): QueryPairs => {
  if (type !== undefined) return [['response-content-type', type]];
  return [['response-content-disposition', `attachment; filename*=UTF-8''${uriEncode(fileName(key))}`]];
};

const given = (pairs: readonly (readonly [string, string | undefined])[]): QueryPairs =>
  pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));

/** What is asked of the S3 endpoint for what somebody wants. */
const requestFor = (query: BucketLinksQuery): Request => {
  const { upload = '', from = 1, to = from } = query;
  const id = ['uploadId', upload] as const;
  switch (query.operation) {
    case 'make':
      return { method: 'PUT', queries: [[]] };
    case 'list': {
      const { prefix, delimiter, after } = query;
      const paged = given([
        ['prefix', prefix],
        ['delimiter', delimiter],
        ['continuation-token', after],
      ]);
      return { method: 'GET', queries: [[['list-type', '2'], ['encoding-type', 'url'], ...paged]] };
    }
    case 'read':
      return { method: 'GET', queries: [shownAs(query)] };
    case 'store':
      return { method: 'PUT', queries: [[]] };
    case 'remove':
      return { method: 'DELETE', queries: [[]] };
    case 'begin':
      return { method: 'POST', queries: [[['uploads', '']]] };
    case 'part': {
      const numbers = Array.from({ length: to - from + 1 }, (_, at) => from + at);
      return { method: 'PUT', queries: numbers.map((number) => [['partNumber', String(number)], id]) };
    }
    case 'complete':
      return { method: 'POST', queries: [[id]] };
    case 'cancel':
      return { method: 'DELETE', queries: [[id]] };
    case 'uploads':
      return {
        method: 'GET',
        queries: [[['uploads', ''], ['encoding-type', 'url'], ...given([['prefix', query.prefix]])]],
      };
    case 'parts':
      return { method: 'GET', queries: [[id, ['part-number-marker', String(from - 1)]]] };
  }
};

const minutesOf = ({ minutes = DEFAULT_MINUTES }: BucketLinksQuery, { readBy }: Account): number =>
  readBy === undefined ? minutes : Math.min(minutes, READ_AS_MINUTES);

/**
 * Makes links to the S3 endpoint for those who cannot sign themselves, such as a page with the session of a browser. A link is signed with what the token of
 * the request signs with: it may what its account may at the moment of its use, and ends with that token. Whoever reads as another account signs, too, and
 * the link says whom it reads as (ADR 0172).
 */
@Injectable()
export class BucketLinks {
  constructor(
    private readonly buckets: BucketCommands,
    private readonly accounts: AccountDirectory,
    private readonly door: FrontDoorHost,
    @Inject(CORE_CONFIG) private readonly config: Pick<CoreConfig, 'publicStorageUrl'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param page origin of the page that may read the answers; undefined for programs
   * @throws NotFound also when the caller may not know of the bucket
   * @throws Forbidden the caller may read only; it may not see the bucket itself; the token of the request signs nothing
   */
  async of(
    account: Account,
    name: string,
    query: BucketLinksQuery,
    page: string | undefined,
  ): Promise<WireBucketLinks> {
    await this.#checkReach(account, name, query.operation);
    const signer = this.#signerOf(account);
    const signing = signer && this.accounts.signingOf(signer);
    if (signer === undefined || signing === undefined)
      throw new Forbidden('The token of this request signs nothing at the S3 endpoint', { code: 'signs-nothing' });
    const at = this.clock.now();
    const expiresAt = Math.min(at + minutesOf(query, account) * MINUTE_MS, signing.expiresAt);
    const { method, queries } = requestFor(query);
    const keys = { accessKey: signer.email, secretKey: signing.secret };
    const readAs = [READ_AS_QUERY, account.readBy === undefined ? undefined : account.id] as const;
    const urls = queries.map((pairs) =>
      presignedUrl(keys, {
        method,
        endpoint: this.config.publicStorageUrl ?? `http://127.0.0.1:${this.door.port()}`,
        path: ON_BUCKET.includes(query.operation) ? `/${name}` : `/${name}/${query.key ?? ''}`,
        query: [...pairs, ...given([[PAGE_ORIGIN_QUERY, page], readAs])],
        at,
        expiresInS: Math.floor((expiresAt - at) / 1_000),
      }),
    );
    return { method, urls, expirationDate: wireDate(expiresAt) };
  }

  /** Whose token the request has: of who reads as another account, its own. */
  #signerOf(account: Account): Account | undefined {
    if (account.readBy === undefined) return account;
    const reader = this.accounts.byId(account.readBy);
    return reader && { ...reader, tokenId: account.tokenId };
  }

  async #checkReach(account: Account, name: string, operation: Operation): Promise<void> {
    const isReading = READING.includes(operation);
    if (!isReading && account.role === 'auditor') throw readOnly();
    // Whether the name is free, and a good one, is said by who makes it.
    if (operation === 'make') return;
    // Nobody's bucket, of which the owner of a task reads what is of it: the endpoint knows who that is.
    if (operation === 'read' && name === SNAPSHOTS_BUCKET) return;
    const bucket = isBucketName(name) ? await this.buckets.find(name) : undefined;
    const access = bucket && this.buckets.accessOf(account.id, bucket);
    if (access === undefined) throw new NotFound(`No such bucket: ${name}`, { code: 'bucket-not-found' });
    if (!isReading && !allows(access, 'write')) throw readOnly();
    if (bucket && account.readBy !== undefined && !this.buckets.isSeenBy(account.readBy, bucket)) throw notSeen();
  }
}
