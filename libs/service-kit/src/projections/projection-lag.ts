import { observeGauge } from '@fornax/base';
import type { ProjectionStatus } from './projection-host.js';

/** `fornax.projection.lag`, in commits of the log. Several hosts may live in one process (tests). */
export const observeProjectionLag = (statuses: () => Promise<readonly ProjectionStatus[]>): void => {
  observeGauge('fornax.projection.lag', async (result) => {
    for (const { name, lag } of await statuses().catch(() => [])) result.observe(lag, { projection: name });
  });
};
