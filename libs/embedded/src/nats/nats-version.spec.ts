import { describe, expect, it } from '@jest/globals';
import { canSyncAlways, nodePermissions, renderNatsConfig } from './nats-config.js';
import { isAtLeast, parseNatsVersion } from './nats-version.js';

describe('the version of a NATS server', () => {
  it('is read from what the program and the protocol say', () => {
    expect(parseNatsVersion('nats-server: v2.15.2\n')).toEqual({ major: 2, minor: 15, patch: 2 });
    expect(parseNatsVersion('nats-server: v2.9.10')).toEqual({ major: 2, minor: 9, patch: 10 });
    expect(parseNatsVersion('2.12.0-RC.3')).toEqual({ major: 2, minor: 12, patch: 0 });
    expect(parseNatsVersion('bash: not found')).toBeUndefined();
  });

  it('is compared by number, not by text', () => {
    const minimum = { major: 2, minor: 9, patch: 0 };
    expect(isAtLeast({ major: 2, minor: 15, patch: 0 }, minimum)).toBe(true);
    expect(isAtLeast({ major: 2, minor: 8, patch: 99 }, minimum)).toBe(false);
    expect(isAtLeast({ major: 3, minor: 0, patch: 0 }, minimum)).toBe(true);
  });

  it('decides whether the store can flush before it acknowledges', () => {
    expect(canSyncAlways({ major: 2, minor: 9, patch: 10 })).toBe(false);
    expect(canSyncAlways({ major: 2, minor: 10, patch: 0 })).toBe(true);
  });
});

describe('the configuration of a NATS server', () => {
  const config = {
    host: '127.0.0.1',
    port: 1,
    storeDir: '/data/a "quoted" folder',
    version: { major: 2, minor: 9, patch: 10 },
    layout: 'services' as const,
    users: { NODES: [{ user: 'node-1', password: 'p', permissions: nodePermissions('node-1') }] },
  };

  it('leaves the flush setting out for a server that would refuse it', () => {
    expect(renderNatsConfig(config)).not.toContain('sync_interval');
    expect(renderNatsConfig({ ...config, version: { major: 2, minor: 15, patch: 2 } })).toContain(
      'sync_interval: always',
    );
  });

  it('quotes what comes from outside', () =>
    expect(renderNatsConfig(config)).toContain('"/data/a \\"quoted\\" folder"'));

  it('gives a node its own subjects alone', () => {
    const { publish, subscribe } = nodePermissions('node-1');
    expect(subscribe).toEqual(['_INBOX_node-1.>']);
    expect(publish.filter((subject) => !subject.includes('node-1'))).toEqual([]);
    expect(publish).toContain('fx.log.node-1.>');
    expect(publish).toContain('fx.rpc.node.node-1.>');
    expect(publish).toContain('$JS.ACK.FX_DISPATCH.node-1.>');
  });
});
