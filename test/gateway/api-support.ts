import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { apiDocument } from '../../gateway/api/document.ts';
import { findOperation } from '../../gateway/api/operations.ts';
import { type Answer, request } from '../support/http.ts';
import type { TestGateway } from './support.ts';

const document = apiDocument();
// Its own keyword `format` is looked at by us; what else is unknown to it would be a mistake.
const ajv = new Ajv2020({ strict: true, strictTypes: false, validateFormats: false, allErrors: true });
ajv.addSchema(withId({ $defs: document.components.schemas }) as object, 'api');

function withId(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', 'api#/$defs/'));
}

/** `GET /api/v1/me` of every operation that a test has called with success. */
export const called = new Set<string>();

/** Calls the API, and compares what it answers with what the document says. */
export async function call(
  target: TestGateway,
  line: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ');
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await request(target, {
    method,
    path,
    headers: { ...target.headers, ...json, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const { operation } = findOperation(method, path.split('?', 1)[0]!);
  const key = `${operation.method} ${operation.path}`;
  const described = document.paths[operation.path]![method.toLowerCase()] as {
    responses: Record<string, { content?: { 'application/json': { schema: unknown } } }>;
  };
  const response =
    described.responses[answer.status] ?? described.responses[`${(answer.status / 100) | 0}XX`];
  assert.ok(response, `${key} answered ${answer.status} ${answer.text}, which its document does not have`);
  const schema = response.content?.['application/json'].schema;
  if (schema === undefined) assert.equal(answer.text, '', key);
  else {
    const validate = ajv.compile(withId(schema));
    assert.ok(validate(answer.json), `${key}: ${ajv.errorsText(validate.errors)} in ${answer.text}`);
  }
  if (answer.status < 300) called.add(key);
  return answer;
}

/** The same, with the status that it must have. */
export async function expectCall(
  status: number,
  target: TestGateway,
  line: string,
  body?: unknown,
): Promise<Answer> {
  const answer = await call(target, line, body);
  assert.equal(answer.status, status, `${line}: ${answer.text}`);
  return answer;
}
