import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, CORE_CONFIG, type CoreConfig } from '@fornax/service-kit';
import type { Clock } from '@fornax/base';
import * as openId from 'openid-client';
import type { Claims, SignInTrouble } from './open-id-claims.js';
import { isLoopback, type OpenIdConfig } from './open-id-config.js';

const CALLBACK = '/fornax/v1/sign-in/openid/callback';
/** Who waits for it looks at an empty page. */
const TIMEOUT_S = 10;
/** What the provider says of itself is asked again after so long. */
const FRESH_MS = 60 * 60_000;
const CLOCKS_DIFFER_S = 30;

/** Where a browser is sent, and what ends the sign-in that it begins. */
export interface Departure {
  readonly url: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** It was not signed in; the message is for the log of the platform. */
export class NotSignedIn extends Error {
  override readonly name = 'NotSignedIn';

  constructor(
    readonly trouble: SignInTrouble,
    cause?: unknown,
  ) {
    super(`nobody was signed in: ${trouble}`, { cause });
  }
}

/** The OpenID provider of this platform: authorization code with PKCE, state and nonce. */
@Injectable()
export class OpenIdProvider {
  private known: { readonly at: number; readonly asked: Promise<openId.Configuration> } | undefined;

  constructor(
    @Inject(CORE_CONFIG) private readonly core: Pick<CoreConfig, 'publicApiUrl'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Begins a sign-in. @throws NotSignedIn the provider is away */
  async depart(config: OpenIdConfig): Promise<Departure> {
    const found = await this.found(config);
    const [state, nonce, verifier] = [openId.randomState(), openId.randomNonce(), openId.randomPKCECodeVerifier()];
    const url = openId.buildAuthorizationUrl(found, {
      redirect_uri: this.redirectUrl(),
      scope: config.scopes,
      state,
      nonce,
      code_challenge: await openId.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return { url: url.href, state, nonce, verifier };
  }

  /**
   * The claims of who comes back, proven: the code was made for this browser and is used for the first time, the token is the provider's, for this client, for this
   * sign-in, and still good.
   * @param query of the address that the browser came back to
   * @param isMore whether the token says too little, so that the provider is asked for more of the same person
   * @throws NotSignedIn
   */
  async arrive(
    config: OpenIdConfig,
    query: string,
    flow: Omit<Departure, 'url'>,
    isMore: (claims: Claims) => boolean,
  ): Promise<Claims> {
    const found = await this.found(config);
    const address = new URL(`${this.redirectUrl()}${query}`);
    const checks = {
      pkceCodeVerifier: flow.verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
    };
    try {
      const tokens = await openId.authorizationCodeGrant(found, address, checks);
      const claims = tokens.claims();
      if (claims === undefined) throw new NotSignedIn('not-valid');
      if (!isMore(claims) || found.serverMetadata().userinfo_endpoint === undefined) return claims;
      const more = await openId.fetchUserInfo(found, tokens.access_token, claims.sub);
      return { ...more, ...claims };
    } catch (error) {
      if (error instanceof NotSignedIn) throw error;
      throw new NotSignedIn(troubleOf(error), error);
    }
  }

  private redirectUrl(): string {
    return new URL(CALLBACK, this.core.publicApiUrl ?? 'http://127.0.0.1:8080').href;
  }

  /** What went wrong is not kept: the next one asks again. */
  private async found(config: OpenIdConfig): Promise<openId.Configuration> {
    const now = this.clock.now();
    if (!this.known || now - this.known.at > FRESH_MS) this.known = { at: now, asked: discovered(config) };
    const { known } = this;
    try {
      return await known.asked;
    } catch (error) {
      if (this.known === known) this.known = undefined;
      throw new NotSignedIn('provider-away', error);
    }
  }
}

const discovered = ({ issuer, clientId, clientSecret }: OpenIdConfig): Promise<openId.Configuration> =>
  openId.discovery(
    new URL(issuer),
    clientId,
    { [openId.clockTolerance]: CLOCKS_DIFFER_S },
    clientSecret === undefined ? openId.None() : openId.ClientSecretBasic(clientSecret),
    {
      timeout: TIMEOUT_S,
      // The signature counts also where the token came straight from the provider.
      execute: [openId.enableNonRepudiationChecks, ...(isLoopback(issuer) ? [openId.allowInsecureRequests] : [])],
    },
  );

/** What went wrong, and what that came of. */
const causesOf = (error: unknown): readonly Error[] =>
  error instanceof Error ? [error, ...causesOf(error.cause)] : [];

/** Whether the provider is away, says no, or what it said is not to be trusted. */
const troubleOf = (error: unknown): SignInTrouble => {
  if (error instanceof openId.AuthorizationResponseError) return 'provider-refused';
  if (error instanceof openId.ResponseBodyError) return error.status >= 500 ? 'provider-away' : 'not-valid';
  const { cause } = error as { readonly cause?: unknown };
  const isBroken = cause instanceof Response && cause.status >= 500;
  const isAway = causesOf(error).some(({ name, message }) => name === 'TimeoutError' || message === 'fetch failed');
  return isBroken || isAway ? 'provider-away' : 'not-valid';
};
