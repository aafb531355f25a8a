import { describe, expect, it } from '@jest/globals';
import {
  nodeNameSchema,
  nodePublicKeySchema,
  nodeUser,
  parseNodeToken,
  parseNodeUser,
  renderNodeToken,
} from './node-access.js';

describe('the name of a node that joins', () => {
  it.each(['a', 'gpu-a', '7', 'x'.repeat(63), 'services', 'node-a', 'node'])('may be %s', (name) =>
    expect(nodeNameSchema.parse(name)).toBe(name),
  );
  it.each([
    ...[
      '',
      '*',
      '>',
      'a.b',
      'a b',
      'A',
      '-a',
      'a-',
      'x'.repeat(64),
      'näh',
      'а',
      'a\0',
      'a\n',
      '../a',
      'a/b',
      'a:b',
      'a%2Eb',
    ],
    ...['node-1', 'node-42', 'tokens', 'join', '$SYS', '_INBOX', '{node}', 'a,b', '＊'],
  ])('may not be %j', (name) => expect(nodeNameSchema.safeParse(name).success).toBe(false));
  it('is a user of its own kind', () => {
    expect(parseNodeUser(nodeUser('gpu-a'))).toBe('gpu-a');
    expect(parseNodeUser('submission')).toBeUndefined();
  });
});

describe('a one-time token', () => {
  const tokenId = '0198a000-0000-7000-8000-00000000c001';
  it('tells its id and nothing else', () =>
    expect(parseNodeToken(renderNodeToken(tokenId, 'a'.repeat(43)))).toEqual({ tokenId }));
  it.each([
    '',
    'x',
    `fnt_${tokenId}_short`,
    `fnt_${tokenId}_${'a'.repeat(44)}`,
    `fnt_*_${'a'.repeat(43)}`,
    `Bearer fnt_`,
  ])('is not %j', (text) => expect(parseNodeToken(text)).toBeUndefined());
});

it.each(['', 'U', `u${'A'.repeat(55)}`, `A${'A'.repeat(55)}`, `U${'A'.repeat(54)}1`, `U${'A'.repeat(56)}`])(
  'takes no key %j',
  (key) => expect(nodePublicKeySchema.safeParse(key).success).toBe(false),
);
