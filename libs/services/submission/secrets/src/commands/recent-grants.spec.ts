import { describe, expect, it } from '@jest/globals';
import { RecentGrants } from './recent-grants.js';

const base = { owner: 'o', taskId: 't', instance: 0, leaseId: 'l', node: 'n' };
const secret = (key: string, version = 1) => ({ key, version });
const grant = (...keys: readonly string[]) => ({ ...base, secrets: keys.map((key) => secret(key)) });

describe('grants that are in the log', () => {
  it('are known by lease, secret and version, and by how they came', () => {
    const grants = new RecentGrants();
    expect(grants.newOf(grant('a'))).toEqual([secret('a')]);
    grants.add(grant('a'));
    expect(grants.newOf(grant('a', 'b'))).toEqual([secret('b')]);
    expect(grants.newOf({ ...base, secrets: [secret('a', 2)] })).toHaveLength(1);
    for (const other of [
      { leaseId: 'm' },
      { taskId: 'u' },
      { instance: 1 },
      { node: 'm' },
      { onRequest: true as const },
    ])
      expect(grants.newOf({ ...grant('a'), ...other })).toHaveLength(1);
  });

  it('are forgotten where they are too many, those first that nobody asked for the longest', () => {
    const grants = new RecentGrants(2);
    grants.add(grant('a', 'b'));
    expect(grants.newOf(grant('a'))).toEqual([]);
    grants.add(grant('c'));
    expect(grants.newOf(grant('a', 'b', 'c'))).toEqual([secret('b')]);
  });
});
