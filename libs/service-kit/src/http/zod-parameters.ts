import { Body, Param, Query, StandardSchemaValidationPipe } from '@nestjs/common';
import type { z } from 'zod';
import { ValidationFailed } from '@fornax/base';

type PathSegment = PropertyKey | { readonly key: PropertyKey };
interface Issue {
  readonly message: string;
  readonly path?: readonly PathSegment[] | undefined;
}

const segmentText = (segment: PathSegment): string => String(typeof segment === 'object' ? segment.key : segment);

/** Issues of a Standard Schema (zod's own too) as the error that the contract wants: texts by field. */
const validationFailed = (issues: readonly Issue[]): ValidationFailed => {
  const errors: Record<string, string[]> = {};
  for (const { path = [], message } of issues) (errors[path.map(segmentText).join('.')] ??= []).push(message);
  return new ValidationFailed(errors);
};

/** Parses what a client sent. @throws ValidationFailed */
export const parseInput = <S extends z.ZodType>(schema: S, input: unknown): z.output<S> => {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw validationFailed(parsed.error.issues);
};

const pipe = new StandardSchemaValidationPipe({ exceptionFactory: validationFailed });

/** Parameter: the request's body as the schema gives it. A body that does not fit answers 400 problem+json. Shows in OpenAPI. */
export const ZodBody = (schema: z.ZodType): ParameterDecorator => Body({ schema, pipes: [pipe] });

/** Parameter: all query values as the schema gives them. Keys arrive as sent and in lower case. Shows in OpenAPI. */
export const ZodQuery = (schema: z.ZodType): ParameterDecorator => Query({ schema, pipes: [pipe] });

/** Parameter: one part of the path as the schema gives it. Shows in OpenAPI. */
export const ZodParam = (name: string, schema: z.ZodType): ParameterDecorator => Param(name, { schema, pipes: [pipe] });
