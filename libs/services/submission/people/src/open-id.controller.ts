import { Controller, Get, Header, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { signInWaysSchema, type WireSignInWays } from '@fornax/contracts';
import { LOGGER } from '@fornax/service-kit';
import { Public, sessionCookie } from '@fornax/identity';
import { NotFound, type Logger } from '@fornax/base';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { flowCookie, noFlowCookie, troublePage } from './open-id-flow.js';
import { OPEN_ID_CONFIG, type OpenIdConfig, type OpenIdSettings } from './open-id-config.js';
import { NotSignedIn } from './open-id-provider.js';
import { OpenIdSignIn } from './open-id-sign-in.js';

const SEE_OTHER = 303;

/** Signing in by an OpenID provider: a browser is sent there, and comes back with a code that is exchanged for who it is. */
@ApiTags('people')
@Controller('fornax/v1/sign-in')
export class OpenIdController {
  constructor(
    @Inject(OPEN_ID_CONFIG) private readonly settings: OpenIdSettings,
    private readonly signIn: OpenIdSignIn,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get()
  @Public()
  @ApiOperation({ summary: 'How one signs in here with a browser, beside a token' })
  @ApiOkResponse({ standardSchema: signInWaysSchema })
  ways(): WireSignInWays {
    return { openId: this.settings ? { name: this.settings.name, path: '/fornax/v1/sign-in/openid' } : null };
  }

  @Get('openid')
  @Public()
  @Header('cache-control', 'no-store')
  @ApiExcludeEndpoint()
  async depart(
    @Req() { headers }: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query('to') to: string | string[] | undefined,
  ): Promise<void> {
    const config = this.configured();
    try {
      const { url, sealed } = await this.signIn.begin(config, typeof to === 'string' ? to : undefined);
      await reply.header('set-cookie', flowCookie(headers, sealed)).redirect(url, SEE_OTHER);
    } catch (error) {
      await this.refuse(reply, error);
    }
  }

  @Get('openid/callback')
  @Public()
  @Header('cache-control', 'no-store')
  @Header('referrer-policy', 'no-referrer')
  @ApiExcludeEndpoint()
  async arrive(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const config = this.configured();
    const { headers } = request;
    // Whatever comes of it, what was begun is over.
    const over = noFlowCookie(headers);
    try {
      const { session, to } = await this.signIn.end(config, request);
      const cookies = [sessionCookie(headers, session.text, session.lastsMs), over];
      await reply.header('set-cookie', cookies).redirect(to, SEE_OTHER);
    } catch (error) {
      await this.refuse(reply.header('set-cookie', over), error);
    }
  }

  private configured(): OpenIdConfig {
    if (!this.settings) throw new NotFound('No OpenID provider is set up here', { code: 'no-provider' });
    return this.settings;
  }

  /** Leads back to the page, which says it in words of its own and still takes tokens. */
  private async refuse(reply: FastifyReply, error: unknown): Promise<void> {
    const trouble = error instanceof NotSignedIn ? error.trouble : 'platform-away';
    this.logger.warn({ trouble, why: reasonsOf(error) }, 'nobody was signed in by the OpenID provider');
    await reply.redirect(troublePage(trouble), SEE_OTHER);
  }
}

/** Names and codes alone: what a provider or a browser sent may hold a code or a token. */
const reasonsOf = (error: unknown): readonly string[] => {
  if (!(error instanceof Error)) return [];
  const { code } = error as { readonly code?: unknown };
  return [typeof code === 'string' ? `${error.name} ${code}` : error.name, ...reasonsOf(error.cause)];
};
