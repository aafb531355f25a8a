import type { WireNewNodeToken, WireNodeRevocation, WireNodeToken } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';
import { nothing } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/nodes.js'));

export interface NewNodeToken {
  /** The only name that the token can be used for; also one that there is, whose place a new machine then takes. */
  readonly name?: string;
  /** Default: an hour. */
  readonly expiresInSeconds?: number;
}

const NODES = '/fornax/v1/nodes';
const part = encodeURIComponent;

/** Which machines may become and stay nodes. For operators. */
export class NodeAccessClient {
  constructor(private readonly json: JsonCall) {}

  /** @throws ApiError 409 this platform cannot admit nodes of other machines; the text says why */
  createToken(wanted: NewNodeToken): Promise<WireNewNodeToken> {
    return this.json('POST', `${NODES}/tokens`, schema('newNodeTokenSchema'), { body: wanted });
  }

  /** Of the last 30 days, the newest first. */
  tokens(): Promise<readonly WireNodeToken[]> {
    return this.json('GET', `${NODES}/tokens`, schema('nodeTokensSchema'));
  }

  /** @throws ApiError 409 it was used */
  revokeToken(id: string): Promise<void> {
    return this.json('DELETE', `${NODES}/tokens/${part(id)}`, nothing);
  }

  /** The node makes itself a new key soon. @throws ApiError 409 its credentials are in the server's configuration */
  rotate(node: string): Promise<{ readonly nodeId: string }> {
    return this.json('POST', `${NODES}/${part(node)}/credentials/rotate`, schema('nodeRotationSchema'));
  }

  /** The node is cut off at once. @throws ApiError 409 its credentials are in the server's configuration */
  revoke(node: string): Promise<WireNodeRevocation> {
    return this.json('DELETE', `${NODES}/${part(node)}/credentials`, schema('nodeRevocationSchema'));
  }
}
