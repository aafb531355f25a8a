import { randomUUID } from 'node:crypto';
import type { FornaxEvent } from '@fornax/contracts';
import type { AccountRole } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import { createTestApp } from '@fornax/service-kit/specs';
import { hashToken, Sealer } from '@fornax/identity';
import { accountCreated, aCommit, AT, createTestDatabase, eventually, startTestNats } from '@fornax/testing';
import { BillingModule } from './index.js';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The billing service before a log and a database of its own. The token of an account is its id and `-token`. */
export const billingRig = async (settings: Readonly<Record<string, string>> = {}) => {
  const nats = await startTestNats();
  const database = await createTestDatabase();
  const env = {
    FORNAX_NATS_URL: nats.url,
    FORNAX_NATS_USER: nats.user,
    FORNAX_NATS_PASSWORD: nats.password,
    FORNAX_DATABASE_URL: database.url,
    ...settings,
  };
  const service = await createTestApp(BillingModule, { env, name: 'billing' });
  const log = service.app.get<EventLog>(EVENT_LOG);

  /** Appends commits to one aggregate and returns the sequence of the last one. */
  const append = async (
    aggregate: 'task' | 'pool' | 'node' | 'account',
    id: string,
    ...commits: readonly (readonly FornaxEvent[])[]
  ): Promise<number> => {
    let expected = (await log.readAggregate(aggregate, id)).at(-1)?.sequence ?? 0;
    for (const events of commits) expected = await log.append(aggregate, id, aCommit(randomUUID(), events), expected);
    return expected;
  };
  const send = async (
    path: string,
    { token = 'ada-token', body }: { readonly token?: string; readonly body?: unknown } = {},
  ): Promise<Answer> => {
    const headers = { authorization: token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const response = await fetch(service.url + path, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    return { status: response.status, body: answer };
  };
  const get = (path: string, token?: string): Promise<Answer> => send(path, token === undefined ? {} : { token });
  const account = async (id: string, role: AccountRole = 'user'): Promise<void> => {
    const sealedSecret = new Sealer(Buffer.alloc(32, 7)).sealWithMaster(`${id}-token`);
    const token = { tokenId: `${id}-token-id`, name: 'test', hash: hashToken(`${id}-token`), sealedSecret, at: AT };
    const created = { ...accountCreated(id), role } as FornaxEvent;
    const issued = { type: 'TokenIssued', accountId: id, email: `${id}@example.org`, role, ...token } as const;
    await append('account', id, [created, issued]);
    await eventually(async () => (await get('/credits/v1/accounts/credits', `${id}-token`)).status === 200);
  };
  const close = async (): Promise<void> => {
    await service.close();
    await database.drop();
    await nats.stop();
  };
  return { env, service, database, log, append, send, get, account, close };
};
export type BillingRig = Awaited<ReturnType<typeof billingRig>>;
