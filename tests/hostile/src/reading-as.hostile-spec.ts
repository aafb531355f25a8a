import { presignedUrl, S3Client } from '@fornax/s3';
import { eventually } from '@fornax/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { call, expectOk } from './call.js';
import { newOrganization, newPerson, word, type Person } from './people.js';
import { platform } from './platform.js';

const READ_AS = 'QarnotReadOnlyRequestForAccount';

let acme: { readonly id: string; readonly name: string };
let owner: Person;
/** Results of a task of the owner, and a snapshot of it. */
let bucket: string;
let snapshotKey: string;

interface Links {
  readonly urls: readonly string[];
}

const links = (by: Person, query: string, of = bucket, as = owner.email) =>
  call('GET', `/fornax/v1/buckets/${of}/links?${query}`, { token: by.token, headers: { [READ_AS]: as } });
const linkTo = async (by: Person, query: string, of = bucket): Promise<string> => {
  const { status, text } = await links(by, query, of);
  if (status !== 200) throw new Error(`${query}: ${status} ${text}`);
  return (JSON.parse(text) as Links).urls[0] ?? '';
};
const follow = async (link: string, method = 'GET') => {
  const answer = await fetch(link, { method, ...(method === 'PUT' ? { body: 'forged' } : {}) });
  return { status: answer.status, text: await answer.text() };
};
const linksOf = (by: Person) =>
  Promise.all([
    linkTo(by, 'operation=list'),
    linkTo(by, 'operation=read&key=result.txt'),
    linkTo(by, `operation=read&key=${encodeURIComponent(snapshotKey)}`, '.snapshots'),
  ]);

beforeAll(async () => {
  acme = await newOrganization();
  owner = await newPerson('user', acme.name);
  bucket = word();
  const { token } = owner;
  const { uuid } = await expectOk<{ readonly uuid: string }>('POST', '/tasks', {
    token,
    body: {
      name: word(),
      profile: 'docker-batch',
      instanceCount: 1,
      resultBucket: bucket,
      constants: [{ key: 'DOCKER_CMD', value: `sh -c 'echo private > result.txt; sleep 600'` }],
    },
  });
  const task = `/tasks/${uuid}`;
  const isRunning = async (): Promise<boolean> =>
    (await expectOk<{ readonly state: string }>('GET', task, { token })).state === 'FullyExecuting';
  await eventually(isRunning, { timeoutMs: 60_000 });
  const filesOf = async (): Promise<readonly { readonly key: string | null }[]> => {
    const { snapshots } = await expectOk<{ readonly snapshots: readonly { id: string; status: string }[] }>(
      'GET',
      `/fornax/v1/snapshots?task=${uuid}`,
      { token },
    );
    const done = snapshots.find(({ status }) => status === 'success');
    if (!done) return [];
    return (
      await expectOk<{ readonly data: readonly { readonly key: string | null }[] }>(
        'GET',
        `/fornax/v1/tasks/${uuid}/snapshots/${done.id}/files`,
        { token },
      )
    ).data;
  };
  await eventually(async () => {
    const { status } = await call('POST', `${task}/snapshot`, { token, body: {} });
    return status < 300;
  });
  await eventually(async () => (await filesOf()).length > 0, { timeoutMs: 60_000 });
  snapshotKey = (await filesOf())[0]?.key ?? '';
  const files = new S3Client({ endpoint: platform.storageUrl, accessKey: owner.email, secretKey: token });
  await files.putObject(bucket, 'result.txt', 'private');
  files.close();
}, 180_000);

describe('the files of somebody who is read as', () => {
  it.each(['auditor', 'coordinator', 'operator'])('are read, and not written, by an %s', async (role) => {
    const reader = await newPerson(role, acme.name);
    const [list, read, snapshot] = await linksOf(reader);
    expect((await follow(list)).text).toContain('<Key>result.txt</Key>');
    expect([(await follow(read)).text, (await follow(snapshot)).text.trim()]).toEqual(['private', 'private']);
    for (const link of [list, read, snapshot])
      for (const method of ['PUT', 'DELETE', 'POST']) expect((await follow(link, method)).status).toBe(403);
    for (const query of ['make', 'store&key=result.txt', 'remove&key=result.txt', 'begin&key=new', 'uploads'])
      expect([query, (await links(reader, `operation=${query}`)).status]).toEqual([query, 403]);
    expect((await follow(read)).text).toBe('private');
  });

  it('are closed to members, and to auditors and coordinators of another organization, also by a link that they sign themselves', async () => {
    const other = await newOrganization();
    const said = new Set<string>();
    for (const [role, organization] of [
      ['user', acme],
      ['auditor', other],
      ['coordinator', other],
    ] as const) {
      const attacker = await newPerson(role, organization.name);
      for (const as of [owner.email, owner.id, 'nobody@example.org']) {
        const { status, text } = await links(attacker, 'operation=read&key=result.txt', bucket, as);
        said.add(`${status} ${text}`);
      }
      for (const path of [`/${bucket}`, `/${bucket}/result.txt`, `/.snapshots/${snapshotKey}`]) {
        const link = presignedUrl(
          { accessKey: attacker.email, secretKey: attacker.token },
          {
            method: 'GET',
            endpoint: platform.storageUrl,
            path,
            query: [['x-fornax-read-as', owner.id]],
            at: Date.now(),
            expiresInS: 60,
          },
        );
        const { status, text } = await follow(link);
        expect([path, status, text.includes('private')]).toEqual([path, 403, false]);
      }
    }
    expect(said.size).toBe(1);
  });

  it('are closed when a link is changed, and at once when who reads is disabled or its token is revoked', async () => {
    const [reader, leaving] = [await newPerson('auditor', acme.name), await newPerson('auditor', acme.name)];
    const stranger = await newPerson('user');
    const link = await linkTo(reader, 'operation=read&key=result.txt');
    for (const changed of [
      link.replace(owner.id, stranger.id),
      `${link}&x-fornax-read-as=${stranger.id}`,
      link.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=86400'),
      link.replace('/result.txt?', '/other.txt?'),
    ])
      expect([changed === link, (await follow(changed)).status]).toEqual([false, 403]);
    const theirs = await linksOf(leaving);
    const body = { disabled: true };
    await expectOk('PATCH', `/fornax/v1/users/${leaving.id}`, { token: platform.token, body });
    for (const one of theirs) await eventually(async () => (await follow(one)).status === 403);
    await expectOk('DELETE', `/fornax/v1/users/${reader.id}/tokens/${reader.tokenId}`, { token: platform.token });
    await eventually(async () => (await follow(link)).status === 403);
  });
});
