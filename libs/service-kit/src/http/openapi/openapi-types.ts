import type { OpenAPIObject } from '@nestjs/swagger';

/** Parts of a document, which Nest names only inside. */
export type PathItem = OpenAPIObject['paths'][string];
export type Operation = NonNullable<PathItem['get']>;
export type Reference = { readonly $ref: string };
export type Parameter = Exclude<NonNullable<Operation['parameters']>[number], { $ref: string }>;
export type Answer = Exclude<NonNullable<Operation['responses'][string]>, { $ref: string }>;
export type Schema = Exclude<
  NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string],
  { $ref: string }
>;
