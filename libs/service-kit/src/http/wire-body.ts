import { Body, type PipeTransform } from '@nestjs/common';
import { wireReader } from '@fornax/contracts';
import type { z } from 'zod';
import { ValidationFailed } from '@fornax/base';

/** Parameter: the body, read the way the contract wants (any case, null is absent). An absent body is an empty one. Shows in OpenAPI. */
export const WireBody = (schema: z.ZodType): ParameterDecorator => {
  const read = wireReader(schema);
  const pipe: PipeTransform = {
    transform: (body: unknown) => {
      const result = read(body ?? {});
      if (!result.ok) throw new ValidationFailed(result.errors);
      return result.value;
    },
  };
  return Body({ schema, pipes: [pipe] });
};
