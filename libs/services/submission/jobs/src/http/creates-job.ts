import {
  applyDecorators,
  HttpCode,
  Injectable,
  Post,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { createdSchema } from '@fornax/contracts';
import { Idempotent } from '@fornax/service-kit';
import type { FastifyReply } from 'fastify';
import { tap, type Observable } from 'rxjs';

/** Names the path of the job that was made. */
@Injectable()
class JobLocation implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      tap((body: unknown) => {
        const { uuid } = createdSchema.parse(body);
        context.switchToHttp().getResponse<FastifyReply>().header('location', `/jobs/${uuid}`);
      }),
    );
  }
}

/** A route that makes a job; a repeated request makes none again. */
export const CreatesJob = (path?: string): MethodDecorator =>
  applyDecorators(
    Post(path),
    HttpCode(200),
    Idempotent({
      service: 'submission',
      // The id of a job comes from the key, so that a request that was cut off finds what it made.
      repeatable: true,
      objectsOf: (body) => {
        const one = createdSchema.safeParse(body);
        return one.success ? [one.data.uuid] : [];
      },
    }),
    // Within the one before, which keeps the answer with its headers.
    UseInterceptors(JobLocation),
  );
