import { describe, expect, it } from '@jest/globals';
import { nodeRpcSubject, RPC } from '@fornax/contracts';
import { payloadOf } from './payload-of.js';

const read = (subject: string, text: string) => {
  const told: string[] = [];
  const payload = payloadOf({ subject, data: Buffer.from(text) }, { refuse: (reason) => told.push(reason) });
  return { payload, told };
};
const many = `{"leaseId":[${'{},'.repeat(2_000)}{}]}`;

describe('the payload of a request', () => {
  const asked = nodeRpcSubject('node-1', 'grant');

  it.each([
    ['nothing', '', { payload: {}, told: [] }],
    ['an object', '{"leaseId":"x"}', { payload: { leaseId: 'x' }, told: [] }],
    ['no JSON', '{', { payload: undefined, told: ['unreadable'] }],
    ['more values than a node has to name', many, { payload: undefined, told: ['too-large'] }],
    ['names beyond all measure', `{"leaseId":"${'x'.repeat(2_000_000)}"}`, { payload: undefined, told: ['too-large'] }],
  ])('of a node: %s', (_what, text, outcome) => expect(read(asked, text)).toEqual(outcome));

  it('of a service may name as much as a user does', () =>
    expect(read(RPC.ensureBuckets, many)).toMatchObject({
      payload: { leaseId: expect.any(Array) as unknown },
      told: [],
    }));
});
