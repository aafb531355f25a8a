import { rpcReplySchema } from '@fornax/base';
import {
  nodeRpcSubject,
  RPC,
  secretRightsRequestSchema,
  secretsReplySchema,
  type SecretsReply,
} from '@fornax/contracts';
import type { Nats } from '@fornax/event-store';
import { NATS } from '@fornax/service-kit';
import type { Answer, Harness } from './submission.fixture.js';

const encoded = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

/** What is asked of the secrets manager, of the harness that there is by then. */
export const secretsIn = (harness: () => Harness) => {
  const call = (method: string, key: string, value?: unknown, token?: string): Promise<Answer> =>
    harness().call(
      method,
      `/secrets-manager/data/${encoded(key)}`,
      value === undefined ? undefined : { Value: value },
      token === undefined ? {} : { token },
    );
  return {
    call,
    made: async (key: string, value: string): Promise<void> => {
      const answer = await call('PUT', key, value);
      if (answer.status !== 200) throw new Error(answer.text);
    },
    read: async (key: string): Promise<unknown> => (await call('GET', key)).json(),
    rows: (sql: string, ...parameters: readonly unknown[]) => harness().query(sql, parameters),
  };
};

/** A lease on `node-1` of an instance that may read secrets, as the scheduler says it. */
export class SecretLease {
  readonly order = { leaseId: 'l', taskId: 'task-with-secrets', instance: 3 };
  owner = '';
  rights: { readonly keys: readonly string[]; readonly prefixes: readonly string[] } = { keys: [], prefixes: [] };

  constructor(private readonly harness: () => Harness) {}

  /** Answers in the place of the scheduler from then on. */
  async open(): Promise<void> {
    const { made, rows } = secretsIn(this.harness);
    await made('of-the-owner', 'x');
    const [row] = (await rows('SELECT owner FROM secret WHERE key = $1', 'of-the-owner')) as { owner: string }[];
    this.owner = row?.owner ?? '';
    const nats = this.harness().test.app.get<Nats>(NATS);
    nats.subscribe(RPC.secretRights, {
      callback: (_, message) => {
        const { node, leaseId } = secretRightsRequestSchema.parse(message.json());
        const current = node === 'node-1' && leaseId === this.order.leaseId;
        const { owner, rights } = this;
        message.respond(JSON.stringify({ ok: current ? { current, owner, ...rights } : { current } }));
      },
    });
    await nats.flush();
  }

  /** Asks as a node does. */
  async ask(asked: object = {}, node = 'node-1'): Promise<SecretsReply> {
    const nats = this.harness().test.app.get<Nats>(NATS);
    const body = JSON.stringify({ ...this.order, ...asked });
    const reply = rpcReplySchema.parse(
      (await nats.request(nodeRpcSubject(node, 'secrets'), body, { timeout: 10_000 })).json(),
    );
    return secretsReplySchema.parse('ok' in reply ? reply.ok : reply);
  }
}
