import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

interface Media {
  readonly schema?: object;
}
interface Answer {
  readonly content?: Readonly<Record<string, Media>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, Answer>>;
}
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: object;
}

/** An answer as it came in. */
export interface Seen {
  readonly method: string;
  /** As sent, with query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly text: string;
}

interface Route {
  readonly template: string;
  readonly pattern: RegExp;
  readonly operations: Readonly<Record<string, Operation>>;
}

const DOCUMENT_ID = 'fornax:openapi';

/** Paths with fewer parameters are more exact: `/tasks/paginate` before `/tasks/{id}`. `{path}` is the rest of the path, slashes included. */
const routesOf = ({ paths }: ApiDocument): readonly Route[] =>
  Object.entries(paths)
    .map(([template, operations]) => {
      const source = template
        .replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)
        .replaceAll('{path}', '.+')
        .replaceAll(/\{[^}]+\}/g, '[^/]+');
      return { template, operations, pattern: new RegExp(`^${source}$`, 'i') };
    })
    .sort((a, b) => a.template.split('{').length - b.template.split('{').length);

/** What clients may write for a path (contract, 1.1): the form under which it is documented. */
const plainPath = (path: string): string => {
  const collapsed = (path.split('?', 1)[0] ?? '/').replaceAll(/\/{2,}/g, '/');
  const versionless = /^\/v1\/network\//i.test(collapsed) ? collapsed : collapsed.replace(/^\/v1(?=\/|$)/i, '');
  return versionless.replace(/(?<=.)\/$/, '') || '/';
};

const pointer = (text: string): string => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));

/** Compares answers with the OpenAPI document that the platform gives of itself. */
export class DocumentChecker {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: false });
  private readonly routes: readonly Route[];
  private readonly compiled = new Map<string, ValidateFunction>();

  constructor(document: ApiDocument) {
    this.ajv.addSchema(document, DOCUMENT_ID);
    this.routes = routesOf(document);
  }

  /** What the document does not allow about an answer; undefined when it is as documented. */
  complaintAbout(seen: Seen): string | undefined {
    const what = `${seen.method} ${seen.path} -> ${seen.status}`;
    const path = plainPath(seen.path);
    // HEAD is GET without the body.
    const isHead = seen.method === 'HEAD';
    const method = isHead ? 'get' : seen.method.toLowerCase();
    const route = this.routes.find(({ pattern, operations }) => pattern.test(path) && operations[method]);
    // Nothing is documented about what does not exist, but that it says so.
    if (!route) return [204, 404, 405].includes(seen.status) ? undefined : `${what}: no such operation is documented`;
    if (seen.status === 405) return `${what}: a documented operation is refused`;
    const answer = route.operations[method]?.responses[String(seen.status)];
    if (!answer) return `${what}: the status is not documented`;
    if (isHead) return seen.text === '' ? undefined : `${what}: there is a body`;
    return this.bodyComplaint(seen, route.template, answer, what);
  }

  private bodyComplaint(seen: Seen, template: string, answer: Answer, what: string): string | undefined {
    const { content } = answer;
    if (!content) return seen.text === '' ? undefined : `${what}: no body is documented, there is one`;
    const type = seen.contentType?.split(';', 1)[0]?.trim() ?? '';
    if (!content[type]) return `${what}: the content type ${type || '(none)'} is not documented`;
    if (!type.endsWith('json')) return undefined;
    const place = ['paths', template, seen.method.toLowerCase(), 'responses', String(seen.status), 'content', type];
    const validate = this.validatorAt([...place, 'schema'].map(pointer).join('/'));
    let body: unknown;
    try {
      body = JSON.parse(seen.text);
    } catch {
      return `${what}: the body is not JSON: ${seen.text.slice(0, 200)}`;
    }
    if (validate(body)) return undefined;
    return `${what}: ${this.ajv.errorsText(validate.errors)} in ${seen.text.slice(0, 1_000)}`;
  }

  private validatorAt(place: string): ValidateFunction {
    const known = this.compiled.get(place);
    if (known) return known;
    const compiled = this.ajv.compile({ $ref: `${DOCUMENT_ID}#/${place}` });
    this.compiled.set(place, compiled);
    return compiled;
  }
}
