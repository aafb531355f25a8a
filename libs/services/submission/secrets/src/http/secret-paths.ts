import { Param, type PipeTransform } from '@nestjs/common';
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

/** Parameter: the rest of the path as the key of a secret. @throws ValidationFailed */
export const SecretKey = (): ParameterDecorator => Param('*', keyPipe);

/** Parameter: the rest of the path as a folder of secrets, without slashes at its ends; empty for all. @throws ValidationFailed */
export const SecretPrefix = (): ParameterDecorator => Param('*', prefixPipe);
