import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { Conflict, delay, Forbidden, newId } from '@fornax/base';
import { dispatchSubject, type EnterOrder, type SessionRequest, type WireInstanceSession } from '@fornax/contracts';
import type { EndedSession, OpenedSession } from '@fornax/domain';
import type { DurablePublisher } from '@fornax/event-store';
import type { Admission, RequestContext } from '@fornax/identity';
import { PUBLISHER } from '@fornax/service-kit';
import type { TaskStatus } from '@fornax/tasks';
import type { Socket } from 'node:net';
import type { InstanceLink } from './instance-link.js';
import { SessionRecords } from './session-records.js';
import { SessionTargets } from './session-targets.js';
import { SessionsDoor } from './sessions-door.js';
import { NobodyCame, WaysDoor } from './ways-door.js';

/** How long the exit code may come after the last byte: by another connection. */
const CODE_MS = 2_000;
const STOP_MS = 3_000;
/** Sessions of one instance, whoever has them: what its agent takes. */
const MOST_OF_INSTANCE = 16;

/** One that is open, or about to be. */
interface Held {
  readonly by: string;
  readonly leaseId: string;
  link?: InstanceLink;
  /** What it was opened by. */
  control?: Socket;
  isOver: boolean;
  readonly moved: { in: number; out: number };
  /** Ends it, once it is recorded that it was opened. */
  finish?: () => void;
}

/** Who opens one, and how they were let in. */
interface Opener {
  readonly context: RequestContext;
  readonly admission: Admission;
}

/** The program of a command, and nothing that stands behind it: a word that is no plain name may be a whole command line, or a secret. */
const programOf = ([first = '']: readonly string[]): string => {
  const name = first.split('/').at(-1) ?? '';
  return /^[\w.+-]{1,64}$/.test(name) ? name : '?';
};

/** What is told of it for good. */
const told = (request: SessionRequest): Pick<OpenedSession, 'kind' | 'program' | 'hasTerminal' | 'port'> =>
  request.kind === 'forward'
    ? { kind: 'forward', port: request.port }
    : { kind: 'exec', program: programOf(request.command), hasTerminal: request.terminal !== undefined };

const turnedOff = (): Forbidden =>
  new Forbidden('Sessions in running instances are turned off here (FORNAX_SESSIONS, FORNAX_WAYS)', {
    code: 'sessions-off',
  });

/**
 * Lets people run commands in running instances and reach ports of them, as themselves: by a link of its own for each session, which the agent opens when an order says so, and over
 * connections that they open here. What is opened and how it ended are events of the task.
 */
@Injectable()
export class Sessions implements BeforeApplicationShutdown {
  private readonly open = new Map<string, Held>();
  private readonly ending = new Map<string, Promise<void>>();
  private readonly stop = new AbortController();

  constructor(
    private readonly door: SessionsDoor,
    private readonly ways: WaysDoor,
    private readonly targets: SessionTargets,
    private readonly records: SessionRecords,
    @Inject(PUBLISHER) private readonly publisher: Pick<DurablePublisher, 'publish'>,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    for (const { link, finish } of [...this.open.values()]) {
      link?.close();
      // Also of those whose client has not come yet.
      finish?.();
    }
    await Promise.race([Promise.all(this.ending.values()), delay(STOP_MS, undefined, { ref: false })]);
    this.stop.abort();
  }

  /** Those that the log tells of, and that go on here. */
  get recorded(): readonly string[] {
    return [...this.open].flatMap(([session, { finish }]) => (finish ? [session] : []));
  }

  /** Whether it goes on here, begins, or is about to be told of as ended. */
  carries(session: string): boolean {
    return this.open.has(session) || this.ending.has(session);
  }

  /** Ends one. */
  end(session: string): void {
    const held = this.open.get(session);
    held?.link?.close();
    held?.finish?.();
  }

  /**
   * Opens one in an instance of a task that is the caller's, or looked after by an operator. It is closed when they would not be let in any more as they were: their token is revoked or expires, their
   * account is disabled, a role is lost.
   * @throws Forbidden sessions are off, or it is another's task @throws NotFound @throws Conflict it does not run, has as many as it may, or its node cannot
   */
  async begin(
    id: string,
    instance: number,
    request: SessionRequest,
    { context, admission }: Opener,
  ): Promise<WireInstanceSession> {
    const task = await this.targets.task(id, context);
    const { address } = this.door;
    if (!address) throw turnedOff();
    const { leaseId, node } = await this.targets.leaseOf(task, instance, context);
    const session = newId();
    const held = this.hold(session, context.account.id, leaseId);
    try {
      const lease = { leaseId, taskId: task.taskId, instance, node, owner: task.fold.owner };
      held.link = await this.linkOf(session, lease, held);
      const { why } = await held.link.ready();
      if (why !== undefined)
        throw new Conflict(`Instance ${instance} cannot be entered: ${why}`, { code: 'no-way-in' });
      await this.records.opened(task, { session, instance, leaseId, ...told(request) }, context);
    } catch (error) {
      held.link?.close();
      this.open.delete(session);
      throw error;
    }
    const { link } = held;
    const codeMs = request.kind === 'exec' ? CODE_MS : 0;
    const finish = (): void => {
      stopWatch();
      void this.finish(task, { session, instance }, { ...held, codeMs }, context);
    };
    held.finish = finish;
    const stopWatch = this.targets.watch(admission, () => {
      link.close();
      // Its code is not waited for: the command is ended for another reason.
      void this.finish(task, { session, instance }, { ...held, codeMs: 0 }, context);
    });
    const ticket = this.door.issue((client) => {
      held.control = client;
      client.once('close', finish);
      if (held.isOver || client.destroyed) {
        client.destroy();
        finish();
      } else if (request.kind === 'forward') this.door.issueOn(client, (each) => link.reach(each, request.port));
      else {
        const { command, terminal } = request;
        link.enter(client, `${JSON.stringify({ command, ...(terminal ? { terminal } : {}) })}\n`);
      }
    }, finish);
    return { uuid: session, node, ...address, ticket };
  }

  /** Takes a place for one. @throws Conflict there are as many as there may be */
  private hold(session: string, by: string, leaseId: string): Held {
    const all = [...this.open.values()];
    const most = this.door.mostPerAccount;
    if (all.filter((one) => one.by === by).length >= most)
      throw new Conflict(`You have ${most} sessions open, which is as many as one may have`, { code: 'too-many' });
    if (all.filter((one) => one.leaseId === leaseId).length >= MOST_OF_INSTANCE)
      throw new Conflict(`This instance has ${MOST_OF_INSTANCE} sessions, as many as one may have`, {
        code: 'too-many',
      });
    const held: Held = { by, leaseId, isOver: false, moved: { in: 0, out: 0 } };
    this.open.set(session, held);
    return held;
  }

  /** Tells the agent to come. @throws Conflict it does not @throws Forbidden */
  private async linkOf(session: string, lease: Parameters<WaysDoor['expect']>[0], held: Held): Promise<InstanceLink> {
    const { node, leaseId, taskId } = lease;
    const expected = this.ways.expect(lease, {
      key: `session ${session}`,
      of: held.by,
      closed: () => {
        held.isOver = true;
        held.control?.destroy();
      },
      moved: (bytes) => {
        held.moved.in += bytes.in;
        held.moved.out += bytes.out;
      },
    });
    if (!expected) throw turnedOff();
    const { link, ...where } = expected;
    // Whoever waits for it below hears of it.
    link.catch(() => undefined);
    const order: EnterOrder = { kind: 'enter', leaseId, taskId, ...where };
    await this.publisher.publish(dispatchSubject(node), Buffer.from(JSON.stringify([order])), { msgId: session });
    try {
      return await link;
    } catch (error) {
      if (!(error instanceof NobodyCame)) throw error;
      throw new Conflict(`Node ${node} does not answer: it is away, or its agent is older than sessions`, {
        code: 'node-does-not-answer',
      });
    }
  }

  /** Records its end, once. Never rejects. */
  private async finish(
    task: TaskStatus,
    of: Pick<EndedSession, 'session' | 'instance'>,
    { link, moved, codeMs }: Held & { readonly codeMs: number },
    context: RequestContext,
  ): Promise<void> {
    if (!this.open.delete(of.session)) return;
    const ending = (async () => {
      const exitCode = await Promise.race([link?.over, delay(codeMs, undefined, { ref: false })]);
      link?.measure();
      link?.close();
      const code = typeof exitCode === 'number' ? { exitCode } : {};
      await this.records.ended(
        task,
        { ...of, ...code, bytesIn: moved.in, bytesOut: moved.out },
        context,
        this.stop.signal,
      );
    })();
    this.ending.set(of.session, ending);
    await ending.finally(() => this.ending.delete(of.session));
  }
}
