import { Body, Param, Query, type PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { plainError } from '@fornax/contracts';
import { ValidationFailed } from '@fornax/base';

/** Issues as the error that the contract wants: texts by field. */
const validationFailed = ({ issues }: z.ZodError): ValidationFailed => {
  const errors: Record<string, string[]> = {};
  for (const { path, message } of issues) (errors[path.map(String).join('.')] ??= []).push(message);
  return new ValidationFailed(errors);
};

/** Parses what a client sent. @throws ValidationFailed */
export const parseInput = <S extends z.ZodType>(schema: S, input: unknown): z.output<S> => {
  const parsed = schema.safeParse(input, { error: plainError });
  if (parsed.success) return parsed.data;
  throw validationFailed(parsed.error);
};

const pipeOf = (schema: z.ZodType): PipeTransform => ({ transform: (value: unknown) => parseInput(schema, value) });

/** Parameter: the request's body as the schema gives it. A body that does not fit answers 400 problem+json. Shows in OpenAPI. */
export const ZodBody = (schema: z.ZodType): ParameterDecorator => Body({ schema, pipes: [pipeOf(schema)] });

/** Parameter: all query values as the schema gives them. Keys arrive as sent and in lower case. Shows in OpenAPI. */
export const ZodQuery = (schema: z.ZodType): ParameterDecorator => Query({ schema, pipes: [pipeOf(schema)] });

/** Parameter: one part of the path as the schema gives it. Shows in OpenAPI. */
export const ZodParam = (name: string, schema: z.ZodType): ParameterDecorator =>
  Param(name, { schema, pipes: [pipeOf(schema)] });
