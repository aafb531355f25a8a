import { createParamDecorator, Param, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import { ValidationFailed } from '@fornax/base';
import { problemWithSecretKey } from '@fornax/domain';

const checked = (name: 'key' | 'prefix', text: string): string => {
  const problem = problemWithSecretKey(text);
  if (problem !== undefined) throw new ValidationFailed({ [name]: [problem] });
  return text;
};

const keyPipe: PipeTransform = { transform: (path: unknown) => checked('key', String(path ?? '')) };

const prefixPipe: PipeTransform = {
  transform: (path: unknown) => {
    // Clients trim slashes; whoever does not means the same folder.
    const prefix = String(path ?? '').replace(/^\/+|\/+$/g, '');
    return prefix === '' ? '' : checked('prefix', prefix);
  },
};

/** What is looked at of a request whose path ends with a key. */
interface KeyedRequest {
  readonly originalUrl: string;
  readonly params: { readonly '*'?: string };
}

/** Clients put keys into the path as they are: what comes behind a question mark was meant to be part of the key, and another secret would be changed without it. */
const withoutQuery = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { originalUrl, params } = context.switchToHttp().getRequest<KeyedRequest>();
  if (originalUrl.includes('?')) throw new ValidationFailed({ key: ['A question mark in a key is written %3F.'] });
  return params['*'] ?? '';
});

/** Parameter: the same, for paths that have no query. @throws ValidationFailed */
export const WholeSecretKey = (): ParameterDecorator => withoutQuery(keyPipe);

/** Parameter: the rest of the path as the key of a secret. @throws ValidationFailed */
export const SecretKey = (): ParameterDecorator => Param('*', keyPipe);

/** Parameter: the rest of the path as a folder of secrets, without slashes at its ends; empty for all. @throws ValidationFailed */
export const SecretPrefix = (): ParameterDecorator => Param('*', prefixPipe);
