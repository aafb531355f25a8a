import { createHash } from 'node:crypto';
import type { SecretGrant } from '@fornax/domain';

/** About 20 MB, and all that 200 instances can have. */
const MOST = 200_000;

type Secrets = SecretGrant['secrets'];

const markOf = (
  { taskId, instance, leaseId, node, onRequest }: SecretGrant,
  { key, version }: Secrets[number],
): string =>
  createHash('sha256')
    .update(JSON.stringify([taskId, instance, leaseId, node, onRequest ?? false, key, version]))
    .digest('base64url');

/** Remembers which versions of which secrets are in the log as given to which lease. Those that were asked for the longest time ago are forgotten. */
export class RecentGrants {
  private readonly marks = new Set<string>();

  constructor(private readonly most = MOST) {}

  /** The secrets of a grant that are not known to be in the log. */
  newOf(grant: SecretGrant): Secrets {
    return grant.secrets.filter((one) => {
      const mark = markOf(grant, one);
      const isKnown = this.marks.delete(mark);
      if (isKnown) this.marks.add(mark);
      return !isKnown;
    });
  }

  add(grant: SecretGrant): void {
    for (const one of grant.secrets) this.marks.add(markOf(grant, one));
    for (const oldest of this.marks) {
      if (this.marks.size <= this.most) return;
      this.marks.delete(oldest);
    }
  }
}
