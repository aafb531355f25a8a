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
import { Forbidden, Unauthorized } from '@fornax/base';
import type { ProjectRole } from '@fornax/domain';
import { routeDoor } from './route-door.js';
import type { Account } from '../accounts/account.js';
import { AccountDirectory } from '../accounts/account-directory.js';

/** Marks an operation of the API document that needs no token; taken out before anybody reads it. */
export const PUBLIC_EXTENSION = 'x-fornax-public';
const IS_PUBLIC = 'fornax:public';
const IS_OWN_SIGN_IN = 'fornax:own-sign-in';
const IS_OPERATOR_ONLY = 'fornax:operator-only';

/** The route needs no token. */
export const Public = (): MethodDecorator =>
  applyDecorators(SetMetadata(IS_PUBLIC, true), ApiExtension(PUBLIC_EXTENSION, true), routeDoor({ isAnonymous: true }));

/**
 * The route is for somebody without an account: the check of this name in `HeaderChecks` decides by the request's headers, before the
 * body is read.
 */
export const AdmittedBy = (check: string): MethodDecorator =>
  applyDecorators(
    SetMetadata(IS_PUBLIC, true),
    ApiExtension(PUBLIC_EXTENSION, true),
    routeDoor({ headerCheck: check }),
  );

/** The route changes nothing but how the caller itself is signed in: it is for auditors, too, and for nobody who reads as somebody else. */
export const OwnSignIn = (): MethodDecorator => SetMetadata(IS_OWN_SIGN_IN, true);

/** The route is for accounts whose role is `operator`; others get 403. */
export const OperatorOnly = (): MethodDecorator & ClassDecorator => SetMetadata(IS_OPERATOR_ONLY, true);

const accountsByRequest = new WeakMap<object, Account>();
/** In which projects the account had which role when it was let in. */
const rolesByRequest = new WeakMap<object, ReadonlyMap<string, ProjectRole>>();

/** The account that asked, or that is read as. @throws Unauthorized on a public route without a token */
export const accountOf = (request: FastifyRequest): Account => {
  const account = accountsByRequest.get(request.raw);
  if (!account) throw new Unauthorized();
  return account;
};

/** Parameter: the Account that asked, or that is read as. */
export const CurrentAccount = createParamDecorator((_: unknown, context: ExecutionContext): Account =>
  accountOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** The token of `Authorization: <token>`; `Bearer <token>` is accepted too. */
export const tokenOf = (header: string | undefined): string => (header ?? '').replace(/^bearer\s+/i, '').trim();

/** How a request was let in: by which token, as whom, and with what in projects. */
export interface Admission {
  readonly token: string;
  readonly account: Account;
  readonly roles: ReadonlyMap<string, ProjectRole>;
}

/** Undefined: it came without a token, to a public route. */
export const admissionOf = (request: FastifyRequest): Admission | undefined => {
  const account = accountsByRequest.get(request.raw);
  return (
    account && {
      token: tokenOf(request.headers.authorization),
      account,
      roles: rolesByRequest.get(request.raw) ?? new Map(),
    }
  );
};

/** Parameter: how the one who asks was let in. @throws Unauthorized on a public route without a token */
export const CurrentAdmission = createParamDecorator((_: unknown, context: ExecutionContext): Admission => {
  const admission = admissionOf(context.switchToHttp().getRequest<FastifyRequest>());
  if (!admission) throw new Unauthorized();
  return admission;
});

/** Whether somebody would be let in now as then: the token opens the same account (or still may read as it), with the same role, in the same organization, and with as much as it had in projects. */
export const isStillAdmitted = ({ token, account: then, roles }: Admission, accounts: AccountDirectory): boolean => {
  const caller = accounts.byToken(token);
  const account = caller && then.readBy !== undefined ? accounts.readableAs(caller, then.id) : caller;
  if (!account) return false;
  const now = accounts.rolesOf(account.id);
  const isAsFree = [...roles].every(([project, role]) => now.get(project) === role);
  return (
    isAsFree && account.id === then.id && account.role === then.role && account.organisationId === then.organisationId
  );
};

/** Names the account to read as, by its id or e-mail (contract, section 1.2). */
const READ_AS = 'qarnotreadonlyrequestforaccount';
const READ_METHODS: readonly string[] = ['GET', 'HEAD'];
/**
 * Lists are asked for with POST, because a filter is a body, and so is what is only looked at: a document that is checked, a scaling that is tried.
 * The words are part of the route, never of what a client put in.
 */
const READ_ROUTE = /\/(search|paginate|simulate)$|^\/sanity-checks\//i;

/** Whether a request changes nothing. What is fresh of an output is a write: it moves the reader's place. */
export const isRead = (method: string, route: string | undefined): boolean =>
  READ_METHODS.includes(method) || (method === 'POST' && READ_ROUTE.test(route ?? ''));

/** What a route says of itself. */
interface RouteMarks {
  readonly isOperatorOnly: boolean;
  readonly isOwnSignIn: boolean;
}

/**
 * Global: every HTTP route needs a token unless it is @Public(), and what it may do is decided here alone: an auditor only reads, and so
 * does whoever reads as somebody else. Messages from NATS are proven by NATS permissions instead.
 */
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
    const caller = this.accounts.byToken(tokenOf(request.headers.authorization));
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets) === true) {
      if (caller) accountsByRequest.set(request.raw, caller);
      return true;
    }
    if (!caller) throw new Unauthorized();
    const isOperatorOnly = this.reflector.getAllAndOverride<boolean | undefined>(IS_OPERATOR_ONLY, targets) === true;
    const isOwnSignIn = this.reflector.getAllAndOverride<boolean | undefined>(IS_OWN_SIGN_IN, targets) === true;
    const account = this.admitted(caller, request, { isOperatorOnly, isOwnSignIn });
    accountsByRequest.set(request.raw, account);
    rolesByRequest.set(request.raw, this.accounts.rolesOf(account.id));
    return true;
  }

  /** @throws Forbidden always in the same words for one kind of request, so that nobody learns which accounts there are */
  private admitted(caller: Account, request: FastifyRequest, { isOperatorOnly, isOwnSignIn }: RouteMarks): Account {
    const reads = isRead(request.method, request.routeOptions.url);
    const readAs = request.headers[READ_AS];
    if (readAs !== undefined && !reads)
      throw new Forbidden('A request for another account may only read', { code: 'read-only' });
    if (caller.role === 'auditor' && !reads && !isOwnSignIn)
      throw new Forbidden('An auditor may only read', { code: 'read-only' });
    if (isOperatorOnly && caller.role !== 'operator') throw new Forbidden('Only an operator may do this');
    if (readAs === undefined) return caller;
    const account = this.accounts.readableAs(caller, String(readAs).trim());
    if (!account) throw new Forbidden('This token may not read for that account', { code: 'read-only' });
    return account;
  }
}
