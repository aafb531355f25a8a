import { Controller, Delete, Get, Header, HttpCode, Param, Patch, Post } from '@nestjs/common';
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
import {
  type Account,
  AccountDirectory,
  CurrentAccount,
  CurrentContext,
  OperatorOnly,
  type RequestContext,
} from '@fornax/identity';
import { NotFound } from '@fornax/base';
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
    @CurrentContext() context: RequestContext,
  ): Promise<WireUser> {
    return wireUser(await this.users.create(body, context), this.accounts);
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
    @CurrentContext() context: RequestContext,
  ): Promise<WireUser> {
    return wireUser(await this.users.change(user, body, context), this.accounts);
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
    @CurrentContext() context: RequestContext,
  ): Promise<WireNewToken> {
    return this.tokens.create(this.users.find(user).id, body, context);
  }

  @OperatorOnly()
  @Delete(':user/tokens/:token')
  @ApiOperation({ summary: 'Revoke a token of a user' })
  revokeToken(
    @Param('user') user: string,
    @Param('token') token: string,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    return this.tokens.revoke(this.users.find(user).id, token, context);
  }
}
