import { Controller, Delete, Header, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags, ApiUnauthorizedResponse } from '@nestjs/swagger';
import { sessionSchema, signInLinkSchema, type WireSession, type WireSignInLink } from '@fornax/contracts';
import { HeaderChecks } from '@fornax/service-kit';
import {
  AdmittedBy,
  CurrentContext,
  noSessionCookie,
  OwnSignIn,
  sessionCookie,
  type RequestContext,
} from '@fornax/identity';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Sessions, SIGN_IN_CHECK } from './sessions.js';

/** Signing in and out with a browser. */
@ApiTags('people')
@Controller('fornax/v1/session')
export class SessionsController {
  constructor(
    private readonly sessions: Sessions,
    checks: HeaderChecks,
  ) {
    sessions.registerIn(checks);
  }

  @Post()
  @HttpCode(200)
  @AdmittedBy(SIGN_IN_CHECK)
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Exchange a token for the session of a browser',
    description:
      'The token, or the code of a link that signs in, is in `Authorization`; the session comes as a cookie that scripts cannot read. What the session changes must carry the header `Fornax-Session: 1`.',
  })
  @ApiOkResponse({ standardSchema: sessionSchema })
  @ApiUnauthorizedResponse({ description: 'No token, or a link that was used or has expired' })
  async open(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<WireSession> {
    const { text, lastsMs, ...session } = await this.sessions.open(request);
    reply.header('set-cookie', sessionCookie(request.headers, text, lastsMs));
    return session;
  }

  @Delete()
  @HttpCode(200)
  @AdmittedBy(SIGN_IN_CHECK)
  @ApiOperation({ summary: 'Sign out: the session of this request opens nothing any more' })
  @ApiOkResponse({ description: 'It is over' })
  @ApiUnauthorizedResponse({ description: 'There is no session' })
  async close(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    await this.sessions.close(request);
    reply.header('set-cookie', noSessionCookie(request.headers));
  }

  @Post('links')
  @OwnSignIn()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Make a link that signs you in once, within ten minutes: this answer alone shows it' })
  @ApiOkResponse({ standardSchema: signInLinkSchema })
  link(@CurrentContext() context: RequestContext): Promise<WireSignInLink> {
    return this.sessions.link(context);
  }
}
