import {
  applyDecorators,
  HttpCode,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Idempotent } from '@fornax/service-kit';
import { BodyLimit, LARGE_BODY } from '@fornax/identity';
import type { FastifyReply } from 'fastify';
import { tap, type Observable } from 'rxjs';
import { z } from 'zod';

const SERVER_FAULT = 500;
const createdAnswer = z.object({ uuid: z.string() });
const bulkAnswer = z.array(z.object({ uuid: z.string().nullable(), statusCode: z.number() }));

/** Names the path of the task that was made. */
@Injectable()
class TaskLocation implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      tap((body: unknown) => {
        const one = createdAnswer.safeParse(body);
        if (!one.success) return;
        context.switchToHttp().getResponse<FastifyReply>().header('location', `/tasks/${one.data.uuid}`);
      }),
    );
  }
}

/** A route that makes tasks. A repeated request makes none again; an item that failed for a reason of ours is tried again when the bulk is. */
export const CreatesTasks = (): MethodDecorator =>
  applyDecorators(
    BodyLimit(LARGE_BODY),
    HttpCode(200),
    Idempotent({
      service: 'submission',
      // The id of a task comes from the key, so that a request that was cut off finds what it made.
      repeatable: true,
      objectsOf: (body) => {
        const one = createdAnswer.safeParse(body);
        if (one.success) return [one.data.uuid];
        const many = bulkAnswer.safeParse(body);
        return many.success ? many.data.flatMap(({ uuid }) => uuid ?? []) : [];
      },
      isFinal: (body) => {
        const many = bulkAnswer.safeParse(body);
        return !many.success || many.data.every(({ statusCode }) => statusCode < SERVER_FAULT);
      },
    }),
    // Within the one before, which keeps the answer with its headers.
    UseInterceptors(TaskLocation),
  );
