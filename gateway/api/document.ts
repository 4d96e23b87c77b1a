import { version } from '../../runtime/version.ts';
import type { Access, Operation } from './operation.ts';
import { operations } from './operations.ts';
import type { Schema } from './schema.ts';
import { shapeOf, shapes } from './shapes.ts';

const accessTexts: Record<Access, string> = {
  anybody: 'Also without login.',
  account: 'For users and robots that are logged in.',
  password: 'For users with their password; no token will do.',
  administrator: 'For administrators, with the password or a token that is not limited.',
};

/** The API in OpenAPI 3.1, made of the table that the requests go by. `docs/openapi.json` is a copy. */
export function apiDocument() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Gatehouse',
      version: version(),
      description:
        'Users, rights, tokens and the audit trail of a Gatehouse. Bodies are JSON, and `Content-Type: application/json` is demanded wherever there is one. Errors have the form of the registry API; there are no cookies.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ basic: [] }, { bearer: [] }],
    paths: pathsOf(operations),
    components: {
      schemas: shapes,
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      },
    },
  };
}

function pathsOf(all: readonly Operation[]): Record<string, Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of all) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: describe(operation),
    };
  }
  return paths;
}

function describe(operation: Operation) {
  const { summary, access, body, status, answer } = operation;
  const errors = { description: 'What was wrong', content: content(shapeOf('Errors')) };
  return {
    operationId: operationId(operation),
    summary,
    description: accessTexts[access],
    ...(access === 'anybody' && { security: [{}, { basic: [] }, { bearer: [] }] }),
    parameters: parametersOf(operation),
    ...(body && { requestBody: { required: true, content: content(body) } }),
    responses: {
      [status]: {
        description: answer ? 'Done' : 'Done; no body',
        ...(answer && { content: content(answer) }),
      },
      '4XX': errors,
      '5XX': errors,
    },
  };
}

function parametersOf({ path, query = {}, needs = [] }: Operation) {
  const inPath = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, schema]) => ({
    name,
    in: 'query',
    required: needs.includes(name),
    schema,
  }));
  return [...inPath, ...inQuery];
}

function content(schema: Schema) {
  return { 'application/json': { schema } };
}

/** `GET /api/v1/me/tokens` → `getMeTokens` */
function operationId({ method, path }: Operation): string {
  const words = path
    .replace('/api/v1/', '')
    .split('/')
    .map((part) => part.replace(/[{}]/g, ''));
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return method.toLowerCase() + name;
}
