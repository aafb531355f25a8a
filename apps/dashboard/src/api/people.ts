import { api, bodyOf } from './client.ts';
import type { paths } from './schema.d.ts';
import type { Read } from './wire.ts';

export type User = Read<'/fornax/v1/users'>['data'][number];
export type UserChange = NonNullable<
  paths['/fornax/v1/users/{user}']['patch']['requestBody']
>['content']['application/json'];

export const USERS_PAGE = 50;

export const readUsers = (offset: number): Promise<Read<'/fornax/v1/users'>> =>
  bodyOf(api.GET('/fornax/v1/users', { params: { query: { offset, limit: USERS_PAGE } } }));

/** More of them nobody names at once. */
const MOST_NAMES = 500;

/** E-mails of the users that one sees, by their ids. */
export const readUserNames = async (): Promise<readonly (readonly [id: string, email: string])[]> => {
  const query = { offset: 0, limit: MOST_NAMES };
  const { data } = await bodyOf(api.GET('/fornax/v1/users', { params: { query } }));
  return data.map(({ uuid, email }) => [uuid, email]);
};

export const changeUser = ({ user, change }: { readonly user: string; readonly change: UserChange }): Promise<User> =>
  bodyOf(api.PATCH('/fornax/v1/users/{user}', { params: { path: { user } }, body: change }));

export const makeUser = (email: string): Promise<User> => bodyOf(api.POST('/fornax/v1/users', { body: { email } }));

export const revokeToken = (token: string): Promise<unknown> =>
  bodyOf(api.DELETE('/fornax/v1/me/tokens/{token}', { params: { path: { token } } }));
