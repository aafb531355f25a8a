import { Inject, Injectable } from '@nestjs/common';
import { jsonOf } from '@fornax/base';
import { Sealer } from '@fornax/identity';
import { WAYS_CONFIG, type WaysConfig } from '@fornax/profiles';
import { z } from 'zod';
import type { Forwarder } from './live-board.js';

const sealedSchema = z.strictObject({
  use: z.literal('fornax/forwarder'),
  publicHost: z.string(),
  host: z.string(),
});

/** Other machines that forward, whose seals were opened: few, each told every second. */
const MOST_KNOWN = 100;

/**
 * Tells where forwarded ports are reached when several processes forward, each on a machine of its own. A node gets the words of the one that forwards sealed, and tells them
 * with the ports: whoever is asked opens them, and no node can make any.
 */
@Injectable()
export class Forwarders {
  /** Of this process, for nodes. */
  readonly seal: string;
  private readonly own: Forwarder;
  private readonly known = new Map<string, Forwarder>();

  constructor(
    private readonly sealer: Sealer,
    @Inject(WAYS_CONFIG) { publicHost, host }: Pick<WaysConfig, 'publicHost' | 'host'>,
  ) {
    this.own = { publicHost, host };
    this.seal = sealer.sealWithMaster(JSON.stringify({ use: 'fornax/forwarder', ...this.own }));
  }

  /** The one whose words these are; this process where they are nobody's, or of an agent that tells none. */
  of(seal: string | undefined): Forwarder {
    if (seal === undefined || seal === this.seal) return this.own;
    const known = this.known.get(seal);
    if (known) return known;
    const words = sealedSchema.safeParse(jsonOf(Buffer.from(this.sealer.opened(seal) ?? '')));
    if (!words.success) return this.own;
    const { publicHost, host } = words.data;
    if (this.known.size >= MOST_KNOWN) this.known.clear();
    this.known.set(seal, { publicHost, host });
    return { publicHost, host };
  }
}
