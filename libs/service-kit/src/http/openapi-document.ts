import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

/** The routes of an application as OpenAPI, with the success status that is really sent (see `answer200`). */
export const openApiDocument = (app: INestApplication, name: string): OpenAPIObject => {
  const base = new DocumentBuilder()
    .setTitle(`Fornax ${name}`)
    .setVersion('1')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'Authorization' }, 'token')
    .addSecurityRequirements('token')
    .build();
  const document = SwaggerModule.createDocument(app, base);
  for (const path of Object.values(document.paths)) {
    for (const operation of [path.post, path.put, path.patch, path.delete]) {
      const created = operation?.responses['201'];
      if (!operation || !created) continue;
      delete operation.responses['201'];
      operation.responses['200'] ??= created;
    }
  }
  return document;
};
