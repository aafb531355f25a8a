import type { WireKeyRotation, WireKeyStand } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';

const schema = schemasOf(() => import('../schemas/keys.js'));

/** The master key. For operators. */
export class KeysClient {
  constructor(private readonly json: JsonCall) {}

  stand(): Promise<WireKeyStand> {
    return this.json('GET', '/fornax/v1/keys', schema('keyStandSchema'));
  }

  /** Seals data keys by the newest master key, some at a time; what was done stays done when it is broken off. */
  async *rotate(): AsyncGenerator<WireKeyRotation> {
    for (let after: string | null = ''; after !== null;) {
      const step: WireKeyRotation = await this.json('POST', '/fornax/v1/keys/rotate', schema('keyRotationSchema'), {
        body: { after },
      });
      yield step;
      ({ after } = step);
    }
  }
}
