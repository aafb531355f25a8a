import { Body, type PipeTransform } from '@nestjs/common';
import { documentReader, wireReader, type WireResult, type WireText } from '@fornax/contracts';
import { z } from 'zod';
import { ValidationFailed } from '@fornax/base';

const BodyOf = (schema: z.ZodType, read: (body: unknown) => WireResult<unknown>): ParameterDecorator => {
  const pipe: PipeTransform = {
    transform: (body: unknown) => {
      const result = read(body ?? {});
      if (!result.ok) throw new ValidationFailed(result.errors);
      return result.value;
    },
  };
  return Body({ schema, pipes: [pipe] });
};

/** Parameter: the body, read the way the contract wants (any case, null is absent). An absent body is an empty one. Shows in OpenAPI. */
export const WireBody = (schema: z.ZodType, text?: WireText): ParameterDecorator =>
  BodyOf(schema, wireReader(schema, text));

/** Parameter: the body, a document of ours, which holds nothing that the schema does not know. */
export const DocumentBody = (schema: z.ZodType): ParameterDecorator => BodyOf(schema, documentReader(schema));

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
