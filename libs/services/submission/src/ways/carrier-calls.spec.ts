import { describe, expect, it } from '@jest/globals';
import { RpcRefused, Unavailable, type RpcClient } from '@fornax/base';
import type { WaysReply } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { CarrierCalls } from './carrier-calls.js';

const request = { node: 'n', leaseId: 'l', taskId: 't', instance: 0 };
const refusal: WaysReply = { granted: false, reason: 'it is over' };

interface Message {
  readonly data: Uint8Array;
  respond(text: string): boolean;
}

/** A process that answers the others by a function. */
const serving = (
  answer: () => Promise<WaysReply>,
  rpc: Pick<RpcClient, 'request'> = { request: () => Promise.reject(new Error('nobody is asked')) },
) => {
  const warned: object[] = [];
  let callback: (error: null, message: Message) => void = () => undefined;
  const nats = {
    subscribe: (_subject: string, options: { readonly callback: typeof callback }) => {
      ({ callback } = options);
      return { unsubscribe: () => undefined };
    },
    isClosed: () => false,
  };
  const calls = new CarrierCalls({ own: 'own', goneAmong: async (all) => new Set(all) }, rpc, nats as never, {
    warn: (fields) => void warned.push(fields),
  });
  calls.serve(answer);
  const asked = (body: unknown): Promise<unknown> =>
    new Promise((resolve) =>
      callback(null, {
        data: Buffer.from(JSON.stringify(body)),
        respond: (text) => {
          resolve(JSON.parse(text));
          return true;
        },
      }),
    );
  return { calls, asked, warned, tell: (message: Message) => callback(null, message) };
};

describe('a process that another one asks', () => {
  it('answers with the code that a node would be answered with', async () => {
    expect(await serving(async () => refusal).asked(request)).toEqual({ ok: refusal });
    const away = serving(() => Promise.reject(new Unavailable('asks too often', { code: 'too-often' })));
    expect(await away.asked(request)).toEqual({ error: { code: 'too-often', message: 'asks too often' } });
    const broken = serving(() => Promise.reject(new Error('secret words')));
    expect(await broken.asked(request)).toEqual({ error: { code: 'internal', message: 'Internal Server Error' } });
    expect(broken.warned).toHaveLength(1);
    expect(await serving(async () => refusal).asked({})).toMatchObject({ error: { code: 'validation-failed' } });
  });

  it('goes on where the answer cannot be sent', async () => {
    const { tell, warned } = serving(async () => refusal);
    tell({
      data: Buffer.from(JSON.stringify(request)),
      respond: () => {
        throw new Error('closed');
      },
    });
    await eventually(() => warned.length === 1);
  });

  it('is not gone while it answers, whatever that is and though it has no mark', async () => {
    const asking = (reply: () => Promise<never>) => serving(async () => refusal, { request: reply }).calls;
    expect(await asking(() => Promise.reject(new Unavailable('no answer'))).goneAmong(['x'])).toEqual(new Set(['x']));
    const refused = new RpcRefused('s', { code: 'validation-failed', message: 'no' });
    expect(await asking(() => Promise.reject(refused)).goneAmong(['x'])).toEqual(new Set());
  });
});
