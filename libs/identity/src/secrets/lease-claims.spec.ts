import { describe, expect, it } from '@jest/globals';
import type { LeaseClaims } from '@fornax/contracts';
import { signLeaseClaims, signServiceClaims, verifyLeaseToken, verifyServiceToken } from './lease-claims.js';

const masterKey = Buffer.alloc(32, 1);
const claims: LeaseClaims = {
  leaseId: 'lease-1',
  taskId: 'task-1',
  instance: 2,
  node: 'node-1',
  owner: 'account-1',
  read: [{ bucket: 'inputs', prefix: 'a/' }],
  results: { bucket: 'results', prefix: null },
  snapshot: null,
  expiresAt: 1,
};
const { sessionToken, secretKey } = signLeaseClaims(masterKey, claims);

describe('lease credentials', () => {
  it('come back as the claims they were made from, with the same secret', () =>
    expect(verifyLeaseToken(masterKey, sessionToken)).toEqual({ claims, secretKey }));

  it('are worth nothing with other claims', () => {
    const [, mac] = sessionToken.split('.');
    const forged = Buffer.from(JSON.stringify({ ...claims, owner: 'account-2' })).toString('base64url');
    expect(verifyLeaseToken(masterKey, `${forged}.${mac ?? ''}`)).toBeUndefined();
  });

  it('are worth nothing under another master key, or mutilated', () => {
    expect(verifyLeaseToken(Buffer.alloc(32, 2), sessionToken)).toBeUndefined();
    for (const token of ['', '.', 'a.b', `${sessionToken}.x`, sessionToken.slice(0, -2)])
      expect(verifyLeaseToken(masterKey, token)).toBeUndefined();
  });

  it('have a secret that the token does not tell', () => expect(sessionToken).not.toContain(secretKey));
});

describe('service credentials', () => {
  const own = { service: 'submission', area: 'output' as const, expiresAt: 1 };
  const token = signServiceClaims(masterKey, own);

  it('come back as the claims they were made from, with the same secret', () =>
    expect(verifyServiceToken(masterKey, token.sessionToken)).toEqual({ claims: own, secretKey: token.secretKey }));

  it('are no lease, and no lease is one of them', () => {
    expect(verifyLeaseToken(masterKey, token.sessionToken)).toBeUndefined();
    expect(verifyServiceToken(masterKey, sessionToken)).toBeUndefined();
    const mac = token.sessionToken.split('.')[1] ?? '';
    const forged = Buffer.from(JSON.stringify({ ...own, expiresAt: 2 })).toString('base64url');
    expect(verifyServiceToken(masterKey, `${forged}.${mac}`)).toBeUndefined();
  });
});
