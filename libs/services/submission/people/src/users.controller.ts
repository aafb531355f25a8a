import { Controller, Delete, Get, Header, HttpCode, Param, Patch, Post, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  newTokenSchema,
  tokenCreationSchema,
  tokenSchema,
  userChangeSchema,
  userCreationSchema,
  userPageQuerySchema,
  userPageSchema,
  userSchema,
  type TokenCreation,
  type UserChange,
  type UserCreation,
  type UserPageQuery,
  type WireNewToken,
  type WireToken,
  type WireUser,
  type WireUserPage,
} from '@fornax/contracts';
import { Idempotent, WireBody, ZodQuery } from '@fornax/service-kit';
import { type Account, AccountDirectory, contextOf, CurrentAccount, OperatorOnly } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Tokens } from './tokens.js';
import { Users } from './users.js';
import { wireUser } from './wire-people.js';
import { madeOnce, tokenMadeOnce } from './made-once.js';

/** Users and their tokens, for operators. `:user` is an id or an e-mail. */
@ApiTags('people')
@Controller('fornax/v1/users')
export class UsersController {
  constructor(
    private readonly users: Users,
    private readonly tokens: Tokens,
    private readonly accounts: AccountDirectory,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Users: all of them for an operator, those of its organization for an auditor' })
  @ApiOkResponse({ standardSchema: userPageSchema })
  list(
    @CurrentAccount() account: Account,
    @ZodQuery(userPageQuerySchema) { limit, offset }: UserPageQuery,
  ): WireUserPage {
    const visible = this.users.visibleTo(account);
    const data = visible.slice(offset, offset + limit).map((user) => wireUser(user, this.accounts));
    return { data, offset, limit, total: visible.length };
  }

  @OperatorOnly()
  @Post()
  @HttpCode(200)
  @Idempotent(madeOnce)
  @ApiOperation({ summary: 'Make a user; it has no token yet' })
  @ApiOkResponse({ standardSchema: userSchema })
  async create(
    @WireBody(userCreationSchema) body: UserCreation,
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
  ): Promise<WireUser> {
    return wireUser(await this.users.create(body, contextOf(request, account)), this.accounts);
  }

  @Get(':user')
  @ApiOperation({ summary: 'One user' })
  @ApiOkResponse({ standardSchema: userSchema })
  read(@Param('user') user: string, @CurrentAccount() account: Account): WireUser {
    const visible = this.users.visibleTo(account);
    const found = this.accounts.find(user);
    if (!found || !visible.some(({ id }) => id === found.id))
      throw new NotFound(`No such user: ${user}`, { code: 'account-not-found' });
    return wireUser(found, this.accounts);
  }

  @OperatorOnly()
  @Patch(':user')
  @ApiOperation({ summary: 'Change role, quotas, organization; disable or enable' })
  @ApiOkResponse({ standardSchema: userSchema })
  async change(
    @Param('user') user: string,
    @WireBody(userChangeSchema) body: UserChange,
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
  ): Promise<WireUser> {
    return wireUser(await this.users.change(user, body, contextOf(request, account)), this.accounts);
  }

  @OperatorOnly()
  @Get(':user/tokens')
  @ApiOperation({ summary: 'The tokens of a user, without what opens anything' })
  @ApiOkResponse({ standardSchema: z.array(tokenSchema) })
  listTokens(@Param('user') user: string): readonly WireToken[] {
    return this.tokens.of(this.users.find(user).id);
  }

  @OperatorOnly()
  @Post(':user/tokens')
  @HttpCode(200)
  @Idempotent(tokenMadeOnce)
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Make a token for a user: this answer is the only one that shows it' })
  @ApiOkResponse({ standardSchema: newTokenSchema })
  createToken(
    @Param('user') user: string,
    @WireBody(tokenCreationSchema) body: TokenCreation,
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
  ): Promise<WireNewToken> {
    return this.tokens.create(this.users.find(user).id, body, contextOf(request, account));
  }

  @OperatorOnly()
  @Delete(':user/tokens/:token')
  @ApiOperation({ summary: 'Revoke a token of a user' })
  revokeToken(
    @Param('user') user: string,
    @Param('token') token: string,
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    return this.tokens.revoke(this.users.find(user).id, token, contextOf(request, account));
  }
}
