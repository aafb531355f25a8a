import { Body, type PipeTransform } from '@nestjs/common';
import { wireReader, type WireResult } from '@fornax/contracts';
import { z } from 'zod';
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

/** One body, or what reading each item of an array of them gave: one that is wrong does not keep the others from being carried out. */
export type OneOrEach<T> = { readonly one: T } | { readonly each: readonly WireResult<T>[] };

/** Parameter: the body or, when it is an array, each of its items, read as `WireBody` reads it. */
export const WireBodies = (schema: z.ZodType): ParameterDecorator => {
  const read = wireReader(schema);
  const pipe: PipeTransform = {
    transform: (body: unknown): OneOrEach<unknown> => {
      if (Array.isArray(body)) return { each: body.map((item: unknown) => read(item)) };
      const result = read(body);
      if (!result.ok) throw new ValidationFailed(result.errors);
      return { one: result.value };
    },
  };
  return Body({ schema: z.union([schema, z.array(schema)]), pipes: [pipe] });
};
