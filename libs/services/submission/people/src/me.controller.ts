import { Controller, Delete, Get, Header, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  meSchema,
  newTokenSchema,
  ownedProjectSchema,
  projectChangeSchema,
  projectCreationSchema,
  tokenCreationSchema,
  tokenSchema,
  type ProjectChange,
  type ProjectCreation,
  type TokenCreation,
  type WireMe,
  type WireNewToken,
  type WireOwnedProject,
  type WireToken,
} from '@fornax/contracts';
import { Idempotent, WireBody } from '@fornax/service-kit';
import { type Account, AccountDirectory, CurrentAccount, CurrentContext, type RequestContext } from '@fornax/identity';
import { z } from 'zod';
import { Projects } from './projects.js';
import { Tokens } from './tokens.js';
import { wireProject, wireUser } from './wire-people.js';
import { madeOnce, tokenMadeOnce } from './made-once.js';

/** What everybody may see and change of their own account. */
@ApiTags('people')
@Controller('fornax/v1/me')
export class MeController {
  constructor(
    private readonly tokens: Tokens,
    private readonly projects: Projects,
    private readonly accounts: AccountDirectory,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Your account, its projects, and which token this is' })
  @ApiOkResponse({ standardSchema: meSchema })
  read(@CurrentAccount() account: Account): WireMe {
    const projects = this.accounts.usableProjects(account.id).map(wireProject);
    // Who reads as somebody else has an auditor's role for this request; the account has its own.
    const own = this.accounts.byId(account.id) ?? account;
    return { ...wireUser(own, this.accounts), token: account.tokenId, projects };
  }

  @Get('tokens')
  @ApiOperation({ summary: 'Your tokens, without what opens anything' })
  @ApiOkResponse({ standardSchema: z.array(tokenSchema) })
  listTokens(@CurrentAccount() account: Account): readonly WireToken[] {
    return this.tokens.of(account.id);
  }

  @Post('tokens')
  @HttpCode(200)
  @Idempotent(tokenMadeOnce)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Make another token: this answer is the only one that shows it' })
  @ApiOkResponse({ standardSchema: newTokenSchema })
  createToken(
    @WireBody(tokenCreationSchema) body: TokenCreation,
    @CurrentContext() context: RequestContext,
  ): Promise<WireNewToken> {
    return this.tokens.create(context.account.id, body, context);
  }

  @Delete('tokens/:token')
  @ApiOperation({ summary: 'Revoke a token; it may be the one of this request' })
  revokeToken(@Param('token') token: string, @CurrentContext() context: RequestContext): Promise<void> {
    return this.tokens.revoke(context.account.id, token, context);
  }

  @Get('projects')
  @ApiOperation({ summary: 'Projects that your tasks may be put into, then those you have archived' })
  @ApiOkResponse({ standardSchema: z.array(ownedProjectSchema) })
  listProjects(@CurrentAccount() account: Account): readonly WireOwnedProject[] {
    return this.projects.seenBy(account);
  }

  @Post('projects')
  @HttpCode(200)
  @Idempotent(madeOnce)
  @ApiOperation({ summary: 'Make a project of your own' })
  @ApiOkResponse({ standardSchema: ownedProjectSchema })
  createProject(
    @WireBody(projectCreationSchema) body: ProjectCreation,
    @CurrentContext() context: RequestContext,
  ): Promise<WireOwnedProject> {
    const owner = { ownerId: context.account.id, ownerKind: 'account' as const };
    return this.projects.create(owner, body, context);
  }

  @Patch('projects/:project')
  @ApiOperation({ summary: 'Rename a project by its id or slug, make it your default one, or archive it' })
  @ApiOkResponse({ standardSchema: ownedProjectSchema })
  changeProject(
    @Param('project') project: string,
    @WireBody(projectChangeSchema) body: ProjectChange,
    @CurrentContext() context: RequestContext,
  ): Promise<WireOwnedProject> {
    return this.projects.changeOwn(project, body, context);
  }
}
