export {
  hashToken,
  type Account,
  type Organisation,
  type Project,
  type TokenFacts,
  type UsableProject,
} from './accounts/account.js';
export { CLOSED_SECRETS, AccountDirectory, type Need } from './accounts/account-directory.js';
export { namedOwner, rightsTo } from './accounts/rights.js';
export { isSessionToken, newTokenOf, newSignInCode, makerOfCode } from './accounts/session-tokens.js';
export { admissionsOf } from './http/admissions.js';
export {
  accountOf,
  type Admission,
  AdmittedBy,
  AuthGuard,
  CurrentAccount,
  CurrentAdmission,
  OperatorOnly,
  OwnSignIn,
  Public,
  PUBLIC_EXTENSION,
  tokenOf,
} from './http/auth.guard.js';
export { noteBegunBefore, wasBegunBefore } from './http/begun-before.js';
export { CurrentContext } from './http/current-context.js';
export { endLiveAnswers } from './http/live-answers.js';
export { REASON_HEADER_NAME, reasonIn, reasonOf } from './http/reason.js';
export { contextOf, type RequestContext } from './http/request-context.js';
export {
  BODY_LIMIT_BYTES,
  BodyLimit,
  LARGE_BODY,
  routeDoor,
  SMALL_BODY,
  type BodyBounds,
  type RouteDoor,
} from './http/route-door.js';
export {
  isOverTls,
  noSessionCookie,
  presentSession,
  SESSION_HEADER,
  sessionCookie,
  SIGN_IN_COOKIE,
} from './http/session-cookie.js';
export { userMeta, type Asking, type Owner } from './http/user-meta.js';
export { MASTER_KEY_RING } from './secrets/earlier-keys.js';
export { keysBefore } from './secrets/keys-before.js';
export { constantIdentity, dataKeyIdentity, keptKeyIn, referenceTo } from './secrets/kept-key.js';
export { Fingerprints, keyedFingerprints, plainFingerprints } from './secrets/fingerprints.js';
export { openSealer } from './secrets/open-sealer.js';
export {
  signLeaseClaims,
  signServiceClaims,
  verifyLeaseToken,
  verifyServiceToken,
  type LeaseCredentials,
} from './secrets/lease-claims.js';
export { clearBytesOf } from './secrets/envelope.js';
export { SealedElsewhere, Sealer, type DataKey } from './secrets/sealer.js';
