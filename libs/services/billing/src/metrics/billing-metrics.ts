import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { observeGauge } from '@fornax/base';
import { PARTS_PER_MICRO } from '@fornax/domain';
import type { DataSource } from 'typeorm';

const MICROS = 1_000_000;

/** Tells how much the ledger has billed. A measurement, so that it may be a floating-point number: no bill is made from it. */
@Injectable()
export class BillingMetrics implements BeforeApplicationShutdown {
  private readonly stop: () => void;

  constructor(@InjectDataSource('billing') private readonly db: DataSource) {
    this.stop = observeGauge('fornax.billing.billed', async (result) => {
      const parts = await this.billed().catch(() => undefined);
      if (parts !== undefined) result.observe(Number(parts / PARTS_PER_MICRO) / MICROS);
    });
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  /** A row for each account and month is all that is read. */
  private async billed(): Promise<bigint> {
    const [row] = await this.db.query<{ readonly sum: string }[]>(
      'SELECT coalesce(sum(net_parts), 0)::text AS sum FROM month_usage',
    );
    return BigInt(row?.sum ?? 0);
  }
}
