import type { WireBucket, WireBucketGrant } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';
import { nothing } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/storage.js'));

/** With whom a bucket is shared. */
export interface Grantee {
  readonly kind: WireBucketGrant['kind'];
  /** Id; or e-mail of a user, name of an organization, slug of a project that the bucket's owner may use. */
  readonly who: string;
}

const API = '/fornax/v1/buckets';
const part = encodeURIComponent;
const grantsOf = (bucket: string): string => `${API}/${part(bucket)}/grants`;
const pathOf = (bucket: string, { kind, who }: Grantee): string => `${grantsOf(bucket)}/${kind}/${part(who)}`;

/** Buckets beside S3: whose they are, and with whom they are shared. */
export class BucketsClient {
  constructor(private readonly json: JsonCall) {}

  /** The caller's own buckets, then those that are shared with it; each by name. */
  list(): Promise<readonly WireBucket[]> {
    return this.json('GET', API, schema('bucketListingsSchema'));
  }

  grants(bucket: string): Promise<readonly WireBucketGrant[]> {
    return this.json('GET', grantsOf(bucket), schema('bucketGrantsSchema'));
  }

  /** Takes the place of what the grantee had. */
  grant(bucket: string, grantee: Grantee, access: WireBucketGrant['access']): Promise<WireBucketGrant> {
    return this.json('PUT', pathOf(bucket, grantee), schema('bucketGrantSchema'), { body: { access } });
  }

  /** Does nothing when there is no such grant. */
  revoke(bucket: string, grantee: Grantee): Promise<void> {
    return this.json('DELETE', pathOf(bucket, grantee), nothing);
  }
}
