import { describe, expect, it } from '@jest/globals';
import { majorVersion, postgresSettings } from './postgres-config.js';
import { identityCandidates } from './postgres-identity.js';

const passwd = 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nana:x:1000:1000::/home/ana:/bin/sh\n';

describe('who runs PostgreSQL', () => {
  it('is the user itself when it is an ordinary one', () => {
    expect(identityCandidates({ uid: 1000, gid: 1000 }, passwd).map(({ kind }) => kind)).toEqual(['self']);
  });

  it('is, for root, a user of a namespace, or else a real change of user', () => {
    const candidates = identityCandidates({ uid: 0, gid: 0 }, passwd);
    expect(candidates.map(({ kind }) => kind)).toEqual(['user-namespace', 'changed-user', 'changed-user']);
    expect(candidates[0]?.owner).toEqual({ uid: 0, gid: 0 });
    expect(candidates[1]?.owner).toEqual({ uid: 65_534, gid: 65_534 });
  });

  it('is the account named postgres where there is one', () => {
    const [, changed] = identityCandidates({ uid: 0, gid: 0 }, `${passwd}postgres:x:101:104::/:/bin/sh\n`);
    expect(changed?.owner).toEqual({ uid: 101, gid: 104 });
  });

  it('gets a name from a namespace when the machine knows none for its number', () => {
    expect(identityCandidates({ uid: 4_242, gid: 0 }, passwd).map(({ kind }) => kind)).toEqual([
      'user-namespace',
      'self',
    ]);
  });
});

describe('the settings of PostgreSQL', () => {
  it('give up durability only when asked to', () => {
    expect(postgresSettings({ port: 1, durable: true }).join(' ')).not.toContain('fsync');
    expect(postgresSettings({ port: 1, durable: false })).toContain('fsync=off');
  });

  it('know the format of a data folder from the first number of the version', () => {
    expect(majorVersion('postgres (PostgreSQL) 18.4')).toBe('18');
    expect(majorVersion('postgres (PostgreSQL) 19beta1')).toBe('19');
  });
});
