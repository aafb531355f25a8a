import { timingSafeEqual } from 'node:crypto';
import {
  FoldGuard,
  LogUnavailable,
  reasonOf,
  type EventLog,
  type OnFollowing,
  type Quarantine,
  type QuarantineEntry,
  type StoppedFold,
} from '@fornax/event-store';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import {
  mayReach,
  mayUseProject,
  type AccountEvent,
  type AccountRole,
  type ProjectRole,
  type SpendingEvent,
  type SpendingHold,
  type StoppingHold,
} from '@fornax/domain';
import { backoffMs, delay, systemClock, type Clock, Progress } from '@fornax/base';
import type { Sealer } from '../secrets/sealer.js';
import {
  hashToken,
  type Account,
  type Organisation,
  type Project,
  type TokenFacts,
  type UsableProject,
} from './account.js';
import { isSignInCode } from './session-tokens.js';
import { AccountsFold, type AccountRecord, type TokenRecord } from './accounts-fold.js';

/** What somebody wants with what an account owns. */
export type Need = 'look' | 'tend';

/** Nothing is sealed for what opens a session once and signs nothing. */
const isToSign = ({ sealedSecret }: TokenRecord): boolean => sealedSecret !== '';

const READS_COLLEAGUES: readonly AccountRole[] = ['auditor', 'coordinator'];

/** Opens the S3 secrets of tokens. */
export type SecretsOfTokens = Pick<Sealer, 'opened' | 'opens'>;

/** For a process without a master key: it knows who asks, and opens nobody's S3 secret. */
export const CLOSED_SECRETS: SecretsOfTokens = { opened: () => undefined, opens: () => false };

/**
 * All accounts, tokens, organizations and projects, and who may start nothing new, in memory: a fold of `fx.ev.account.*` and `fx.ev.spending.*` from the beginning of the log, then live.
 * Every process has its own, so what was decided elsewhere is known here a moment later.
 */
export class AccountDirectory {
  /** Resolves once everything that was in the log at the start is folded. */
  readonly ready: Promise<void>;
  private fold = new AccountsFold();
  private guard: FoldGuard;
  private readonly stop = new AbortController();
  private readonly following: Promise<void>;
  private readonly listeners: (() => void)[] = [];
  private readonly progress = new Progress();
  private caughtUp = false;
  private readonly secrets = new WeakMap<TokenRecord, string>();
  private distrusted: string | undefined;

  constructor(
    private readonly log: EventLog,
    private readonly sealer: SecretsOfTokens,
    private readonly clock: Clock = systemClock,
    private readonly quarantine?: Quarantine,
    /** Called with the reason why the log cannot be followed, and with undefined when it can be followed again. */
    private readonly onState: OnFollowing = () => undefined,
  ) {
    this.guard = this.newGuard();
    quarantine?.onChange((entry) => {
      const { state, what } = entry;
      if (
        isAsked(entry) ||
        (what.kind === 'unreadable' && AGGREGATES.some((name) => name === what.aggregate) && state === 'retried')
      )
        this.takeUp(entry);
    });
    const replayed = this.replay(log);
    this.ready = replayed.then(() => undefined);
    this.following = replayed.then((next) => this.follow(log, next));
    // The one who awaits `ready` or `close` sees the failure; without a listener here it would end the process first.
    this.following.catch((error: unknown) => {
      if (!this.stop.signal.aborted) this.onState(reasonOf(error));
    });
    this.ready
      // What was asked of a process that died on the way.
      .then(() =>
        quarantine
          ?.list()
          .filter(isAsked)
          .forEach((entry) => this.takeUp(entry)),
      )
      .catch(() => undefined);
  }

  isReady(): boolean {
    return this.whyNotReady === undefined;
  }

  /** Why nobody is let in yet, for people; undefined when tokens open what they should. */
  get whyNotReady(): string | undefined {
    return this.caughtUp ? this.distrusted : 'accounts are not read yet';
  }

  /** Lets nobody in from here on: what was read is not what was decided last, and a token that was revoked may be good in it. */
  distrust(why: string): void {
    this.distrusted = why;
    for (const listener of this.listeners) listener();
  }

  /**
   * The account of a token that is neither revoked nor expired, unless it is disabled. The lookup is by SHA-256 of the token, so its
   * timing says nothing about how much of a guess was right.
   */
  byToken(token: string): Account | undefined {
    return isSignInCode(token) ? undefined : this.accountOf(token);
  }

  /** The account that a one-time code signs in; no other token is one, and a code is no token for anything else. */
  bySignInCode(code: string): Account | undefined {
    return isSignInCode(code) ? this.accountOf(code) : undefined;
  }

  private accountOf(token: string): Account | undefined {
    const hash = hashToken(token);
    const record = this.fold.tokensByHash.get(hash);
    if (!record || !timingSafeEqual(Buffer.from(record.hash), Buffer.from(hash))) return undefined;
    const account = this.fold.accounts.get(record.accountId);
    if (!account || account.isDisabled || !this.isAlive(record) || this.distrusted !== undefined) return undefined;
    return { ...account, tokenId: record.tokenId };
  }

  /** Milliseconds until a token opens nothing any more: 0 when it opens nothing now, Infinity when it lasts. */
  msLeftOf(token: string): number {
    const record = this.fold.tokensByHash.get(hashToken(token));
    return record ? Math.max(0, record.expiresAt - this.clock.now()) : 0;
  }

  /** Called after whatever changes here, for as long as the directory lives. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Also of a disabled account: what it owns is still there. */
  byId(id: string): Account | undefined {
    const account = this.fold.accounts.get(id);
    return account && lookedUp(account);
  }

  /** The account of whom an OpenID provider calls so; also a disabled one. */
  byIdentity(issuer: string, subject: string): Account | undefined {
    return this.byId(this.fold.idOfIdentity(issuer, subject) ?? '');
  }

  /** By id, or by e-mail in any case. */
  find(idOrEmail: string): Account | undefined {
    return this.byId(idOrEmail) ?? this.byId(this.fold.idOfEmail(idOrEmail) ?? '');
  }

  /** The account of an e-mail (in any case) and the S3 secrets that it may sign with: one for each live token. None when it is disabled. */
  byEmail(email: string): { readonly account: Account; readonly secrets: readonly string[] } | undefined {
    const account = this.byId(this.fold.idOfEmail(email) ?? '');
    if (!account || account.isDisabled || this.distrusted !== undefined) return undefined;
    const alive = this.fold.tokensOf(account.id).filter((token) => this.isAlive(token));
    return { account, secrets: alive.flatMap((token) => this.opened(token) ?? []) };
  }

  /** What the token that was presented signs with at the S3 endpoint, and until when; undefined when it signs nothing (any more), or is somebody else's. */
  signingOf({ id, tokenId }: Account): { readonly secret: string; readonly expiresAt: number } | undefined {
    const token = this.fold.tokensOf(id).find((one) => one.tokenId === tokenId);
    const secret = token && this.isAlive(token) && this.distrusted === undefined ? this.opened(token) : undefined;
    return token && secret !== undefined ? { secret, expiresAt: token.expiresAt } : undefined;
  }

  /** Opened once: every request that is signed asks for it, and opening it costs as much as half of verifying the signature. */
  private opened(token: TokenRecord): string | undefined {
    if (!isToSign(token)) return undefined;
    const known = this.secrets.get(token);
    if (known !== undefined) return known;
    const secret = this.sealer.opened(token.sealedSecret);
    if (secret !== undefined) this.secrets.set(token, secret);
    return secret;
  }

  /** Whether a live token also signs at the S3 endpoint: not one that was sealed with a master key that is lost. */
  canSign(token: string): boolean {
    const record = this.fold.tokensByHash.get(hashToken(token));
    return record !== undefined && this.sealer.opens(record.sealedSecret);
  }

  /** Live tokens that cannot sign any more, and whose they are: their owners should make new ones. */
  lostTokens(): { readonly tokens: number; readonly emails: readonly string[] } {
    const lost = [...this.fold.tokensByHash.values()].filter(
      (token) => this.isAlive(token) && isToSign(token) && !this.sealer.opens(token.sealedSecret),
    );
    const ids = new Set(lost.map(({ accountId }) => accountId));
    const emails = [...ids].flatMap((id) => this.fold.accounts.get(id)?.email ?? []);
    return { tokens: lost.length, emails: emails.sort() };
  }

  /**
   * Whether somebody may look at what an account owns, or tend to it (`mayReach`).
   * @param projectId the project that it lies in, whose members see it by their roles
   */
  reaches(caller: Account, ownerId: string, need: Need, projectId?: string | null): boolean {
    const ownerOrganisationId = this.fold.accounts.get(ownerId)?.organisationId;
    const projectRole = this.roleIn(caller, projectId);
    return mayReach(caller, { ownerId, ownerOrganisationId, projectRole }, need);
  }

  /** The role that an account has in a project now; undefined also for the projects that belong to one account. */
  roleIn({ id }: Pick<Account, 'id'>, projectId: string | null | undefined): ProjectRole | undefined {
    const account = this.fold.accounts.get(id);
    return account && typeof projectId === 'string' ? this.fold.roleIn(account, projectId) : undefined;
  }

  /** Whether an account may be able to reach anything that is not its own: for everybody else nobody looks whether there is such a thing. */
  seesOthers({ id, role }: Account): boolean {
    return role !== 'user' || this.rolesOf(id).size > 0;
  }

  /** A project of an organization of which somebody may see all, or say who its members are; undefined also when there is none of this id. */
  sharedProject(caller: Account, projectId: string, need: 'look' | 'manage'): Project | undefined {
    const project = this.project(projectId.toLowerCase());
    if (project?.ownerKind !== 'organisation') return undefined;
    const { id, ownerId: organisationId } = project;
    return mayUseProject(caller, { organisationId, projectRole: this.roleIn(caller, id) }, need) ? project : undefined;
  }

  /** The roles that an account has in projects of its organization now, by project; archived ones are among them. */
  rolesOf(accountId: string): ReadonlyMap<string, ProjectRole> {
    const account = this.fold.accounts.get(accountId);
    return account ? this.fold.rolesOf(account) : new Map();
  }

  /**
   * The account that another one may read as (contract, section 1.2): any for an operator; for an auditor or a coordinator its own and those of its
   * organization. Undefined also when there is no such account: nobody learns which it was.
   */
  readableAs(reader: Account, idOrEmail: string): Account | undefined {
    const target = this.find(idOrEmail);
    if (!target) return undefined;
    const isColleague = reader.organisationId !== null && reader.organisationId === target.organisationId;
    const mayRead =
      reader.role === 'operator' ||
      (READS_COLLEAGUES.includes(reader.role) && (isColleague || reader.id === target.id));
    return mayRead ? { ...target, role: 'auditor', tokenId: reader.tokenId, readBy: reader.id } : undefined;
  }

  isEmpty(): boolean {
    return this.fold.accounts.size === 0;
  }

  /** In the order in which they were made. */
  all(): readonly Account[] {
    return [...this.fold.accounts.values()].map(lookedUp);
  }

  membersOf(organisationId: string): readonly Account[] {
    return this.all().filter((account) => account.organisationId === organisationId);
  }

  /** Tokens that were not revoked, expired ones too, oldest first. */
  tokensOf(accountId: string): readonly TokenFacts[] {
    return this.fold.tokensOf(accountId).map(({ tokenId: id, name, createdAt, expiresAt }) => ({
      id,
      name,
      createdAt,
      expiresAt: Number.isFinite(expiresAt) ? expiresAt : null,
    }));
  }

  organisations(): readonly Organisation[] {
    return [...this.fold.organisations.values()];
  }

  /** By id, or by name in any case. */
  organisation(idOrName: string): Organisation | undefined {
    const name = idOrName.toLowerCase();
    return (
      this.fold.organisations.get(idOrName) ?? this.organisations().find((known) => known.name.toLowerCase() === name)
    );
  }

  /** Any project, archived ones too. */
  project(id: string): Project | undefined {
    return this.fold.project(id);
  }

  /** All projects of one account or organization, archived ones too. */
  projectsOf(ownerId: string): readonly Project[] {
    return this.fold.projectsOf(ownerId);
  }

  /** Open projects that the account may put tasks into: its own, and those of its organization. Exactly one is the default. */
  usableProjects(accountId: string): readonly UsableProject[] {
    const account = this.fold.accounts.get(accountId);
    return account ? this.fold.usableBy(account) : [];
  }

  /** The project that a new task goes into: the one named by its id, or the default one. Undefined when the account may not use it. */
  projectFor(accountId: string, projectId: string | undefined): UsableProject | undefined {
    const usable = this.usableProjects(accountId);
    return projectId === undefined
      ? usable.find(({ isDefault }) => isDefault)
      : usable.find(({ id }) => id === projectId.toLowerCase());
  }

  /** What new tasks go into that name no project: of an account, or of those members of an organization that chose nothing themselves. */
  defaultProjectOf(ownerId: string): string | undefined {
    if (!this.fold.organisations.has(ownerId)) return this.projectFor(ownerId, undefined)?.id;
    return this.fold.sharedDefaultOf(ownerId);
  }

  /** Why nothing new of an account is accepted in a project; undefined: it is. */
  holdOf(accountId: string, projectUuid: string | undefined): SpendingHold | undefined {
    return this.fold.holds.of(accountId, projectUuid ?? null, this.clock.now());
  }

  /** Holds that end what runs, of projects whose budget says so. */
  stoppingHolds(): readonly StoppingHold[] {
    return this.fold.holds.stopping(this.clock.now());
  }

  /** Waits until everything about accounts up to a sequence is folded here. @returns false when it was not within the time */
  knows(sequence: number, timeoutMs: number): Promise<boolean> {
    return this.progress.reach(sequence, { timeoutMs });
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.following.catch(() => undefined);
  }

  private isAlive({ expiresAt }: TokenRecord): boolean {
    return this.clock.now() < expiresAt;
  }

  private async replay(log: EventLog): Promise<number> {
    const { sequence } = await log.head();
    // Whoever is to decide about a damaged log must get in; until then nothing is written.
    if (sequence > 0) {
      // One after the other: the server finds the messages of one aggregate by its index, and would go through all of the log for two.
      for (const aggregate of AGGREGATES) await this.replayOf(log, aggregate, sequence);
    }
    this.caughtUp = true;
    return sequence + 1;
  }

  /** Waits while the log cannot be read, as where a part of it is in the archive and that is away: nobody is let in until it can. */
  private async replayOf(log: EventLog, aggregate: Aggregate, to: number): Promise<void> {
    const { signal } = this.stop;
    for (let [from, failures] = [1, 1]; !signal.aborted; failures += 1) {
      try {
        for await (const batch of log.read({ from, to, aggregates: [aggregate], despiteDamage: true })) {
          this.applyAll(batch);
          from = (batch.at(-1)?.sequence ?? from) + 1;
        }
        return;
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        this.onState(reasonOf(error));
        await delay(backoffMs(failures), signal);
      }
    }
  }

  private follow(log: EventLog, from: number): Promise<void> {
    const options = {
      from,
      aggregates: AGGREGATES,
      signal: this.stop.signal,
      onProgress: (sequence: number) => {
        this.progress.advance(sequence);
        this.onState(undefined);
      },
      onError: (error: unknown) => this.onState(reasonOf(error)),
    };
    return log.subscribe(options, (batch) => {
      this.applyAll(batch);
      return Promise.resolve();
    });
  }

  private newGuard(): FoldGuard {
    return new FoldGuard(FOLLOWER, (stop) => this.quarantine?.noticeStop(stop));
  }

  /** Folds anew; what goes wrong on the way is shown, and can be asked for again. */
  private takeUp({ id, what: { sequence, aggregate, aggregateId } }: QuarantineEntry): void {
    this.foldAgain(id).catch((error: unknown) => {
      if (this.stop.signal.aborted || aggregate === null || aggregateId === null) return;
      this.quarantine?.noticeStop({ follower: FOLLOWER, sequence, aggregate, aggregateId, reason: reasonOf(error) });
    });
  }

  /** From the beginning, beside the fold in use, which it takes the place of once it has come as far. */
  private async foldAgain(id: string): Promise<void> {
    const fresh = new AccountsFold();
    const stops: StoppedFold[] = [];
    const guard = new FoldGuard(FOLLOWER, (stop) => stops.push(stop));
    for (let at = 0; at < this.progress.position;) {
      const to = this.progress.position;
      for await (const batch of this.log.read({ from: at + 1, to, aggregates: AGGREGATES }))
        for (const commit of batch) guard.fold(commit, (one) => applyTo(fresh, one));
      at = to;
    }
    this.fold = fresh;
    this.guard = guard;
    for (const listener of this.listeners) listener();
    for (const stop of stops) this.quarantine?.noticeStop(stop);
    const asked = this.quarantine?.get(id)?.what;
    if (asked?.kind === 'stopped' && !stops.some(({ sequence }) => sequence === asked.sequence))
      await this.quarantine?.resolveStop(FOLLOWER, asked.sequence);
  }

  private applyAll(batch: readonly RecordedCommit[]): void {
    for (const commit of batch) this.guard.fold(commit, (one) => applyTo(this.fold, one));
    this.progress.advance(batch.at(-1)?.sequence ?? this.progress.position);
    for (const listener of this.listeners) listener();
  }
}

/** Names this fold in the quarantine. */
const FOLLOWER = 'accounts';
/** Accounts, and who of them may start nothing new. */
const AGGREGATES: readonly Aggregate[] = ['account', 'spending'];

const isAsked = ({ what, state }: QuarantineEntry): boolean =>
  what.kind === 'stopped' && what.follower === FOLLOWER && state === 'retrying';

const applyTo = (fold: AccountsFold, { aggregate, aggregateId, events }: RecordedCommit): void => {
  // The aggregate's name in the subject is what makes these events of spending, or of accounts.
  if (aggregate === 'spending') {
    fold.holds.fold(aggregateId, events as readonly SpendingEvent[]);
    return;
  }
  for (const event of events as readonly AccountEvent[]) fold.apply(event);
};

const lookedUp = (account: AccountRecord): Account => ({ ...account, tokenId: '' });
