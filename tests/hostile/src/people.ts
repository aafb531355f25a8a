import { randomUUID } from 'node:crypto';
import { call, expectOk } from './call.js';
import { platform } from './platform.js';

/** Somebody with an account. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly token: string;
  readonly tokenId: string;
}

/** Words that stand nowhere but where they were planted. */
export const word = (): string => `zq${randomUUID().replaceAll('-', '').slice(0, 12)}`;

const operator = { token: platform.token };

export const newOrganization = async (): Promise<{ readonly id: string; readonly name: string }> => {
  const name = word();
  const { uuid } = await expectOk<{ readonly uuid: string }>('POST', '/fornax/v1/organizations', {
    ...operator,
    body: { name },
  });
  return { id: uuid, name };
};

export const newPerson = async (role: string, organization?: string): Promise<Person> => {
  const email = `${word()}@example.org`;
  const body = { email, role, ...(organization === undefined ? {} : { organization }) };
  const { uuid } = await expectOk<{ readonly uuid: string }>('POST', '/fornax/v1/users', { ...operator, body });
  const { id, token } = await expectOk<{ readonly id: string; readonly token: string }>(
    'POST',
    `/fornax/v1/users/${uuid}/tokens`,
    { ...operator, body: { name: word() } },
  );
  return { id: uuid, email, token, tokenId: id };
};

/** What somebody has, each with a word that nobody else may ever see. */
export interface Belongings {
  readonly task: string;
  readonly taskName: string;
  readonly tag: string;
  readonly bucket: string;
  readonly project: string;
  readonly projectName: string;
  readonly webhook: string;
}

/** Gives somebody a task that goes on, a bucket, a project and a webhook that leads nowhere. */
export const settle = async ({ token }: Person): Promise<Belongings> => {
  const [taskName, tag, bucket, projectName] = [word(), word(), word(), word()];
  const project = await expectOk<{ readonly uuid: string }>('POST', '/fornax/v1/me/projects', {
    token,
    body: { name: projectName },
  });
  const webhook = await expectOk<{ readonly id: string }>('POST', '/fornax/v1/webhooks', {
    token,
    body: { url: `https://${word()}.invalid/`, types: ['TaskDeleted'] },
  });
  const task = await expectOk<{ readonly uuid: string }>('POST', '/tasks', {
    token,
    body: {
      name: taskName,
      profile: 'docker-batch',
      instanceCount: 1,
      tags: [tag],
      projectUuid: project.uuid,
      resultBucket: bucket,
      constants: [{ key: 'DOCKER_CMD', value: 'sleep 600' }],
    },
  });
  return { task: task.uuid, taskName, tag, bucket, project: project.uuid, projectName, webhook: webhook.id };
};

export interface Operation {
  readonly method: string;
  /** With parameters in braces, as the API document has it. */
  readonly path: string;
}

/** Every operation of the API document. */
export const operations = async (): Promise<readonly Operation[]> => {
  const { paths } = JSON.parse((await call('GET', '/openapi.json')).text) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => ['get', 'put', 'post', 'delete', 'patch'].includes(method))
      .map((method) => ({ method: method.toUpperCase(), path })),
  );
};

/** What is asked for with a body and changes nothing, besides every GET. */
export const isRead = ({ method, path }: Operation): boolean =>
  method === 'GET' || /\/(?:search|paginate|simulate)$|^\/sanity-checks\//.test(path);

/** The path with every parameter filled in: the first one with `value`, the others with `more`. */
export const filled = (path: string, value: string, more = '0'): string => {
  let count = 0;
  return path.replaceAll(/\{[^}]+\}/g, () => encodeURIComponent((count += 1) === 1 ? value : more));
};
