import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { NodeHardware } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { readNodes } from '../projections/fleet-rows.js';
import type { NodeRow } from '../projections/node-row.js';

/** Questions to the read model. */
@Injectable()
export class FleetReader {
  constructor(@InjectDataSource('node-registry') private readonly db: DataSource) {}

  nodes(ids?: readonly string[]): Promise<readonly NodeRow[]> {
    return readNodes(this.db, ids);
  }

  /** The hardware that tasks may hope for: of every node that was there and was not retired, also of those that are away now. */
  async hardware(): Promise<readonly NodeHardware[]> {
    const nodes = await this.nodes();
    return nodes
      .filter(({ state }) => state.status !== 'retired' && state.status !== 'unknown')
      .map(({ state }) => state.hardware);
  }
}
