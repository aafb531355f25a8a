import {
  applyDecorators,
  createParamDecorator,
  Injectable,
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Forbidden, Unauthorised } from '../errors/errors.js';
import { PUBLIC_EXTENSION } from '../http/openapi/complete-document.js';
import type { Account } from './account.js';
import { AccountDirectory } from './account-directory.js';

const IS_PUBLIC = 'fornax:public';
const IS_OPERATOR_ONLY = 'fornax:operator-only';

/** The route needs no token. */
export const Public = (): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(IS_PUBLIC, true), ApiExtension(PUBLIC_EXTENSION, true));

/** The route is for accounts whose role is `operator`; others get 403. */
export const OperatorOnly = (): MethodDecorator & ClassDecorator => SetMetadata(IS_OPERATOR_ONLY, true);

const accountsByRequest = new WeakMap<object, Account>();

/** The account that asked. @throws Unauthorised on a public route without a token */
export const accountOf = (request: FastifyRequest): Account => {
  const account = accountsByRequest.get(request.raw);
  if (!account) throw new Unauthorised();
  return account;
};

/** Parameter: the Account that asked. */
export const CurrentAccount = createParamDecorator((_: unknown, context: ExecutionContext): Account =>
  accountOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** The token of `Authorization: <token>`; `Bearer <token>` is accepted too. */
export const tokenOf = (header: string | undefined): string => (header ?? '').replace(/^bearer\s+/i, '').trim();

/** Global: every HTTP route needs a token unless it is @Public(). Messages from NATS are proven by NATS permissions instead. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly accounts: AccountDirectory,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const targets = [context.getHandler(), context.getClass()];
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const account = this.accounts.byToken(tokenOf(request.headers.authorization));
    if (account) accountsByRequest.set(request.raw, account);
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets) === true) return true;
    if (!account) throw new Unauthorised();
    const isOperatorOnly = this.reflector.getAllAndOverride<boolean | undefined>(IS_OPERATOR_ONLY, targets) === true;
    if (isOperatorOnly && account.role !== 'operator') throw new Forbidden('Only an operator may do this');
    return true;
  }
}
