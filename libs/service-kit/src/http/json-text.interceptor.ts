import { Readable } from 'node:stream';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';

const JSON_TYPE = /^application\/json\b/i;

/** One client sends a JSON content type without a body and without Accept, and decodes every answer as JSON (contract, 5.10). */
export const wantsJsonText = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean => {
  const isBodyless = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? '0') === 0;
  return isBodyless && headers.accept === undefined && JSON_TYPE.test(headers['content-type'] ?? '');
};

/** Text as one JSON string, piece by piece; bytes that are not UTF-8 become U+FFFD, since JSON has no other place for them. */
export async function* jsonText(pieces: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const inside = (text: string): string => JSON.stringify(text).slice(1, -1);
  yield '"';
  for await (const piece of pieces) yield inside(decoder.decode(piece, { stream: true }));
  yield `${inside(decoder.decode())}"`;
}

/** Gives output as a JSON string to the client that can read nothing else; all others get the raw text. */
@Injectable()
export class JsonTextInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    if (!wantsJsonText(http.getRequest<FastifyRequest>())) return next.handle();
    return next.handle().pipe(
      map((body: unknown) => {
        const pieces = Buffer.isBuffer(body) ? [body] : body instanceof Readable ? body : undefined;
        if (pieces === undefined) return body;
        http.getResponse<FastifyReply>().header('content-type', 'application/json; charset=utf-8');
        return Readable.from(jsonText(pieces), { objectMode: false });
      }),
    );
  }
}
