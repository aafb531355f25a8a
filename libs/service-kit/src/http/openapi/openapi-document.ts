import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { completeDocument } from './complete-document.js';

/** The routes of an application as OpenAPI 3.1: what is declared at the routes, and what holds for all of them. */
export const openApiDocument = (app: INestApplication, name: string): OpenAPIObject => {
  const base = new DocumentBuilder()
    .setTitle(`Fornax ${name}`)
    .setDescription(
      'Keys of a body are matched in any case, `null` counts as absent, unknown keys are ignored. Every path is served with `/v1` in front, too. ' +
        'With the header `QarnotReadOnlyRequestForAccount` an operator, or an auditor of the same organization, reads as another account.',
    )
    .setVersion('1')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'Authorization', description: 'The token, as it is' }, 'token')
    .addSecurityRequirements('token')
    .build();
  return completeDocument(SwaggerModule.createDocument(app, base));
};
