import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '@fornax/service-kit';
import { contextOf, Sealer } from '@fornax/identity';
import type { Clock } from '@fornax/base';
import type { FastifyRequest } from 'fastify';
import { Sessions, type OpenedSession } from './sessions.js';
import { isLittle, personOf, type Claims } from './open-id-claims.js';
import { FLOW_LASTS_MS, flowIn, placeOnDashboard, sealedFlowIn, type Flow } from './open-id-flow.js';
import { OpenIdAccounts } from './open-id-accounts.js';
import type { OpenIdConfig } from './open-id-config.js';
import { NotSignedIn, OpenIdProvider } from './open-id-provider.js';

/** A browser that came back and was let in. */
interface SignedIn {
  readonly session: OpenedSession;
  /** Where on the dashboard it began. */
  readonly to: string;
}

/** Both halves of a sign-in; what lies between them is sealed, and in the hands of the browser alone. */
@Injectable()
export class OpenIdSignIn {
  constructor(
    private readonly provider: OpenIdProvider,
    private readonly people: OpenIdAccounts,
    private readonly sessions: Sessions,
    private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @returns where the browser is sent, and what it brings back @throws NotSignedIn */
  async begin(
    config: OpenIdConfig,
    to: string | undefined,
  ): Promise<{ readonly url: string; readonly sealed: string }> {
    const { url, ...secrets } = await this.provider.depart(config);
    const expiresAt = this.clock.now() + FLOW_LASTS_MS;
    const flow: Flow = { kind: 'fornax sign-in', ...secrets, to: placeOnDashboard(to), expiresAt };
    return { url, sealed: this.sealer.sealWithMaster(JSON.stringify(flow)) };
  }

  /** @throws NotSignedIn, and what a command throws that cannot be carried out now */
  async end(config: OpenIdConfig, request: FastifyRequest): Promise<SignedIn> {
    const flow = this.flowOf(request);
    const { search } = new URL(request.url, 'http://here');
    const isMore = (claims: Claims): boolean => isLittle(claims, config.claims);
    const person = personOf(await this.provider.arrive(config, search, flow, isMore), config.claims);
    if (typeof person === 'string') throw new NotSignedIn(person);
    const account = await this.people.of(person, config);
    return { session: await this.sessions.openFor(account, contextOf(request, account)), to: flow.to };
  }

  /** What this very browser began. @throws NotSignedIn it began nothing, or too long ago */
  private flowOf({ headers }: FastifyRequest): Flow {
    const sealed = sealedFlowIn(headers);
    const flow = flowIn(sealed === undefined ? undefined : this.sealer.opened(sealed), this.clock.now());
    if (!flow) throw new NotSignedIn('not-valid');
    return flow;
  }
}
