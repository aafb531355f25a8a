import { api, bodyOf, Refused } from './client.ts';
import type { Read } from './wire.ts';

export type SecretVersions = Read<'/fornax/v1/secrets/versions/{path}'>;
export type SecretAccess = Read<'/fornax/v1/secrets/accesses'>['accesses'][number];

/** The platform takes a key as the rest of a path: each folder of it is escaped, the slashes between are not. */
const whole = {
  pathSerializer: (template: string, { path }: Record<string, unknown>): string =>
    template.replace('{path}', String(path).split('/').map(encodeURIComponent).join('/')),
};

const at = (path: string) => ({ params: { path: { path } }, ...whole });

/** What is directly below a folder: secrets, and folders, which end with a slash. An empty one is one that is not there. */
export const readSecrets = async (folder: string): Promise<readonly string[]> => {
  if (folder === '') return (await bodyOf(api.GET('/secrets-manager/search'))).keys;
  return bodyOf(api.GET('/secrets-manager/search/{path}', at(folder))).then(
    ({ keys }) => keys,
    (error: unknown) => {
      if (error instanceof Refused && error.status === 404) return [];
      throw error;
    },
  );
};

/** Keeps a value under a key; one that is there already gets it as a new version. The value is not kept by the page. */
export const putSecret = async ({ key, value }: { readonly key: string; readonly value: string }): Promise<void> => {
  const { response, error } = await api.PUT('/secrets-manager/data/{path}', { ...at(key), body: { value } });
  if (response.status === 409) await bodyOf(api.PATCH('/secrets-manager/data/{path}', { ...at(key), body: { value } }));
  else await bodyOf(Promise.resolve({ response, error }));
};

export const deleteSecret = (key: string): Promise<unknown> =>
  bodyOf(api.DELETE('/secrets-manager/data/{path}', at(key)));

export const readVersions = (key: string): Promise<SecretVersions> =>
  bodyOf(api.GET('/fornax/v1/secrets/versions/{path}', at(key)));

/** Who was given a secret, the newest first. */
export const readAccesses = async (key: string): Promise<readonly SecretAccess[]> =>
  (await bodyOf(api.GET('/fornax/v1/secrets/accesses', { params: { query: { key, limit: 100 } } }))).accesses;
