import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Delete, Get, Header, HttpCode, Module, Patch, Post, Put } from '@nestjs/common';
import type { AccountEvent, AccountRole } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import { startTestNats, type TestNats } from '@fornax/testing';
import { EVENT_LOG } from '../index.js';
import { createTestApp, type TestApp } from '../run/test-app.fixture.js';
import {
  AccountDirectory,
  CurrentAccount,
  hashToken,
  OperatorOnly,
  Public,
  Sealer,
  type Account,
} from '@fornax/identity';
import { newId } from '@fornax/base';

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield ': here\n\n';
    await delay(20);
  }
}

@Controller('things')
class ThingsController {
  @Get()
  list(@CurrentAccount() account: Account): unknown {
    return { id: account.id, role: account.role, readBy: account.readBy };
  }

  @Post(['search', 'paginate'])
  @HttpCode(200)
  search(@CurrentAccount() { id }: Account): unknown {
    return { id };
  }

  @Get('live')
  @Header('content-type', 'text/event-stream')
  live(): Readable {
    return Readable.from(endless());
  }

  @OperatorOnly()
  @Get('secret')
  secret(@CurrentAccount() { id }: Account): unknown {
    return { id };
  }

  @Public()
  @Get('open')
  open(): unknown {
    return {};
  }

  @Post(['', ':id', ':id/stdout'])
  post(): unknown {
    return {};
  }

  @Put(['', ':id'])
  put(): unknown {
    return {};
  }

  @Patch(':id')
  patch(): unknown {
    return {};
  }

  @Delete(':id')
  delete(): unknown {
    return {};
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
const TOKENS = { root: 'token-of-root', audit: 'token-of-audit', bob: 'token-of-bob', eve: 'token-of-eve' } as const;
type Name = keyof typeof TOKENS;

describe('who may do what', () => {
  let nats: TestNats;
  let service: TestApp;
  const append = async (name: string, ...events: readonly AccountEvent[]): Promise<void> => {
    const log = service.app.get<EventLog>(EVENT_LOG);
    const before = (await log.readAggregate('account', name)).at(-1)?.sequence ?? 0;
    const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'c' };
    const sequence = await log.append('account', name, { id: newId(), at: 1, meta, events }, before);
    expect(await service.app.get(AccountDirectory).knows(sequence, 5_000)).toBe(true);
  };
  const issued = (name: string, token: string, expiresAt?: number): AccountEvent => ({
    type: 'TokenIssued',
    accountId: name,
    email: `${name}@example.org`,
    role: 'user',
    tokenId: `id-of-${token}`,
    name: 'test',
    hash: hashToken(token),
    sealedSecret: service.app.get(Sealer).sealWithMaster(token),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    at: 1,
  });
  const person = (name: Name, role: AccountRole, organisationId?: string): Promise<void> =>
    append(
      name,
      {
        type: 'AccountCreated',
        accountId: name,
        email: `${name}@example.org`,
        role,
        quotas,
        ...(organisationId === undefined ? {} : { organisationId }),
        at: 1,
      },
      issued(name, TOKENS[name]),
    );

  beforeAll(async () => {
    nats = await startTestNats();
    const env = {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      // Asked for by the settings; nothing here has a database.
      FORNAX_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      FORNAX_LOG_LEVEL: 'silent',
    };
    service = await createTestApp(ThingsModule, { env });
    await person('root', 'operator');
    await person('audit', 'auditor', 'acme');
    await person('bob', 'user', 'acme');
    await person('eve', 'user');
  }, 60_000);
  afterAll(async () => {
    await service?.close();
    await nats?.stop();
  });

  const call = async (name: Name | undefined, method: string, path: string, readAs?: string) => {
    const response = await fetch(`${service.url}${path}`, {
      method,
      headers: {
        ...(name === undefined ? {} : { authorization: TOKENS[name] }),
        ...(readAs === undefined ? {} : { QarnotReadOnlyRequestForAccount: readAs }),
      },
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
  };

  it.each([
    ['POST', '/things'],
    ['PUT', '/things'],
    ['PATCH', '/things/x'],
    ['DELETE', '/things/x'],
    ['POST', '/things/x/stdout'],
    ['POST', '/things/searchx'],
    ['DELETE', '/things/search'],
    ['PUT', '/things/paginate'],
    ['POST', '/things//x/'],
  ])('an auditor gets 403 on %s %s', async (method, path) => {
    expect(await call('audit', method, path)).toMatchObject({
      status: 403,
      body: { message: 'An auditor may only read' },
    });
    expect((await call('bob', method, path)).status).toBeLessThan(300);
  });

  it('an auditor reads, also where reading is a POST', async () => {
    for (const [method, path] of [
      ['GET', '/things'],
      ['POST', '/things/search'],
      ['POST', '/v1/Things/Paginate/'],
    ] as const)
      expect(await call('audit', method, path)).toMatchObject({ status: 200, body: { id: 'audit' } });
  });

  it('reads as somebody else for those who may, with no more power than an auditor has', async () => {
    expect(await call('root', 'GET', '/things', 'eve@example.org')).toEqual({
      status: 200,
      body: { id: 'eve', role: 'auditor', readBy: 'root' },
    });
    expect(await call('audit', 'GET', '/things', 'bob')).toMatchObject({ status: 200, body: { id: 'bob' } });
    expect(await call('audit', 'POST', '/things/search', ' BOB@example.org ')).toMatchObject({
      status: 200,
      body: { id: 'bob' },
    });
  });

  it('answers the same to everybody else, whoever is named', async () => {
    const refused = { status: 403, body: { message: 'This token may not read for that account' } };
    for (const [name, readAs] of [
      ['bob', 'audit'],
      ['bob', 'bob'],
      ['bob', 'nobody'],
      ['eve', 'root'],
      ['audit', 'eve'],
      ['audit', 'root'],
      ['audit', 'nobody'],
      ['root', 'nobody'],
      ['root', ''],
      ['root', 'bob, eve'],
      ['root', '__proto__'],
    ] as const)
      expect({ name, readAs, ...(await call(name, 'GET', '/things', readAs)) }).toEqual({ name, readAs, ...refused });
    expect(await call(undefined, 'GET', '/things', 'bob')).toMatchObject({ status: 401 });
  });

  it('writes for nobody else, not even for an operator, and whoever is named', async () => {
    for (const readAs of ['bob', 'root', 'nobody', ''])
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
        expect(await call('root', method, '/things/x', readAs)).toEqual({
          status: 403,
          body: { message: 'A request for another account may only read' },
        });
  });

  it("does not lend an operator's rights", async () => {
    expect(await call('audit', 'GET', '/things/secret', 'root')).toMatchObject({ status: 403 });
    await append('root', { type: 'OrganisationChanged', accountId: 'root', organisationId: 'acme', at: 1 });
    expect(await call('audit', 'GET', '/things', 'root')).toMatchObject({ status: 200, body: { role: 'auditor' } });
    expect(await call('audit', 'GET', '/things/secret', 'root')).toMatchObject({ status: 403 });
    expect(await call('root', 'GET', '/things/secret', 'bob')).toMatchObject({ status: 200, body: { id: 'bob' } });
  });

  it('answers 401 to a token that has expired, and to one that is revoked while requests come', async () => {
    await append('eve', issued('eve', 'old', Date.now()), issued('eve', 'short'));
    const status = async (token: string) =>
      (await fetch(`${service.url}/things`, { headers: { authorization: token } })).status;
    expect([await status('old'), await status('short')]).toEqual([401, 200]);
    let isRevoked = false;
    const seen: (readonly [wasRevoked: boolean, status: number])[] = [];
    const reader = (async () => {
      while (!seen.some(([, code]) => code === 401)) {
        const wasRevoked = isRevoked;
        seen.push([wasRevoked, await status('short')]);
      }
    })();
    await append('eve', { type: 'TokenRevoked', tokenId: 'id-of-short', at: 1 });
    isRevoked = true;
    await reader;
    // Whoever asks after the revocation is known gets no answer any more.
    expect(seen.filter(([wasRevoked, code]) => wasRevoked && code === 200)).toEqual([]);
  });

  it('answers 401 to every token of a disabled account, and 200 once it is enabled', async () => {
    await append('bob', { type: 'AccountDisabled', accountId: 'bob', at: 1 });
    expect((await call('bob', 'GET', '/things')).status).toBe(401);
    expect(await call('root', 'GET', '/things', 'bob')).toMatchObject({ status: 200, body: { id: 'bob' } });
    expect((await call('bob', 'GET', '/things/open')).status).toBe(200);
    await append('bob', { type: 'AccountEnabled', accountId: 'bob', at: 1 });
    expect((await call('bob', 'GET', '/things')).status).toBe(200);
  });

  describe('an answer that goes on', () => {
    const read = async (token: string, readAs?: string) => {
      const response = await fetch(`${service.url}/things/live`, {
        headers: { authorization: token, ...(readAs === undefined ? {} : { QarnotReadOnlyRequestForAccount: readAs }) },
      });
      const reader = response.body?.getReader();
      if (!reader) throw new Error('no body');
      await reader.read();
      /** Resolves once the answer is cut off. */
      const cut = (async () => {
        for (;;) if ((await reader.read()).done) return true;
      })().catch(() => true);
      return { cut, isOpen: async () => !(await Promise.race([cut, delay(100).then(() => false)])), reader };
    };

    it('is cut off when its token is revoked or expires, and no other one is', async () => {
      await append('eve', issued('eve', 'live-1'), issued('eve', 'live-2', Date.now() + 2_000));
      const [lasting, revoked, expiring] = await Promise.all(
        [TOKENS.eve, 'live-1', 'live-2'].map((token) => read(token)),
      );
      await append('eve', { type: 'TokenRevoked', tokenId: 'id-of-live-1', at: 1 });
      expect(await revoked?.cut).toBe(true);
      expect(await expiring?.cut).toBe(true);
      expect(await lasting?.isOpen()).toBe(true);
      await append('eve', { type: 'AccountDisabled', accountId: 'eve', at: 1 });
      expect(await lasting?.cut).toBe(true);
      await append('eve', { type: 'AccountEnabled', accountId: 'eve', at: 1 });
    });

    it('is cut off when an auditor may no longer read what it reads, or an operator is one no more', async () => {
      const [audited, own] = await Promise.all([read(TOKENS.audit, 'bob'), read(TOKENS.audit)]);
      await append('bob', { type: 'OrganisationChanged', accountId: 'bob', organisationId: null, at: 1 });
      expect(await audited.cut).toBe(true);
      expect(await own.isOpen()).toBe(true);
      await append('audit', { type: 'RoleChanged', accountId: 'audit', role: 'user', at: 1 });
      expect(await own.cut).toBe(true);
    });
  });
});
