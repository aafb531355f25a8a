import { describe, expect, it } from '@jest/globals';
import type { NodeEvent } from '@fornax/domain';
import { aHardware } from '@fornax/testing';
import { pino } from 'pino';
import { tellOf } from './node-tellings.js';

const at = 5;
const joined = { bootId: 'b', hardware: aHardware(), driver: 'process', warnings: [] } as const;

/** What the log says of an event, without time and process. */
const lineOf = (event: NodeEvent, reason?: string): unknown => {
  const lines: string[] = [];
  const logger = pino({ base: null, timestamp: false }, { write: (line) => void lines.push(line) });
  const meta = {
    actor: 'user:root',
    source: 'node-registry',
    correlationId: 'c',
    ...(reason === undefined ? {} : { reason }),
  };
  tellOf(logger, 'n1', event, { ...meta, actor: 'user:root' });
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '');
};
const INFO = 30;
const WARN = 40;

describe('the line in the log of an event of a node', () => {
  it('says who drained it and why', () =>
    expect(lineOf({ type: 'NodeDrained', nodeId: 'n1', at }, 'new disks')).toEqual({
      level: INFO,
      nodeId: 'n1',
      event: 'NodeDrained',
      actor: 'user:root',
      reason: 'new disks',
      msg: 'a node takes no new instances',
    }));

  it.each<[NodeEvent, object]>([
    [
      { type: 'NodeJoined', nodeId: 'n1', epoch: 2, ...joined, at },
      { level: INFO, epoch: 2, driver: 'process' },
    ],
    [
      { type: 'NodeLost', nodeId: 'n1', epoch: 2, cause: 'heartbeat', at },
      { level: WARN, cause: 'heartbeat', epoch: 2 },
    ],
    [
      { type: 'NodeLost', nodeId: 'n1', epoch: 2, cause: 'left', at },
      { level: INFO, cause: 'left' },
    ],
    [{ type: 'NodeResumed', nodeId: 'n1', at }, { level: INFO }],
    [{ type: 'NodeRetired', nodeId: 'n1', at }, { level: WARN }],
  ])('says what happened: %j', (event, shown) =>
    expect(lineOf(event)).toMatchObject({ event: event.type, nodeId: 'n1', actor: 'user:root', ...shown }),
  );
});
