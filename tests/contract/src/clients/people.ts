import { exchange } from '../http/exchange.js';
import { platform } from '../platform.js';
import { unique } from './tasks.js';

const operator = async (method: string, path: string, body?: object): Promise<unknown> => {
  const answer = await exchange({
    method,
    path: `/fornax/v1/${path}`,
    headers: { authorization: platform.token, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return answer.text === '' ? undefined : answer.json();
};

export interface Person {
  readonly uuid: string;
  readonly email: string;
  readonly token: string;
}

/** A user of a test's own, made by the operator; `more` as a creation has it: quotas, role, organization. */
export const aPerson = async (more: object = {}): Promise<Person> => {
  const email = `${unique('person')}@example.org`;
  const { uuid } = (await operator('POST', 'users', { email, ...more })) as Person;
  const { token } = (await operator('POST', `users/${uuid}/tokens`, { name: 'contract' })) as Person;
  return { uuid, email, token };
};

/** @returns its name */
export const anOrganization = async (): Promise<string> => {
  const name = unique('organization');
  await operator('POST', 'organizations', { name, quotas: { maxInstances: 50, maxCores: 60 } });
  return name;
};

export interface OwnedProject {
  readonly uuid: string;
  readonly name: string;
  readonly slug: string;
}

export const aProject = async (more: object): Promise<OwnedProject> =>
  (await operator('POST', 'projects', { name: unique('project'), description: 'a project', ...more })) as OwnedProject;
