import { OciError } from '../../oci/errors.ts';
import { Parameters } from '../../oci/request-target.ts';
import type { AuditEntry } from '../../runtime/audit-entry.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { openAdmin } from '../admin.ts';
import { audited, type ChangeMaker } from '../audit/admin-changes.ts';
import { openAuditReader } from '../audit/index.ts';
import type { AuditRecorder } from '../audit/trail.ts';
import { credentialText } from '../audit/witness.ts';
import { type Exchange, sendJson } from '../exchange.ts';
import type { ActingAdmin } from '../identity/acting-admin.ts';
import type { Actor } from '../identity/index.ts';
import { login } from '../login.ts';
import { readJson } from './body.ts';
import { apiDocument } from './document.ts';
import { asOciError } from './errors.ts';
import type { Access, ApiParts, Operation } from './operation.ts';
import { apiPrefix, documentPath, findOperation } from './operations.ts';
import { checkValue } from './schema.ts';

export interface Api {
  answer(exchange: Exchange, path: string, query: string): Promise<void>;
  close(): void;
}

export interface ApiOptions extends Omit<ApiParts, 'admin' | 'auditReader'> {
  recorder: AuditRecorder;
}

export function isApiPath(path: string): boolean {
  return path.startsWith(apiPrefix);
}

/** What `OPTIONS` would find. @throws OciError NOT_FOUND, or UNSUPPORTED (405) with `Allow` */
export function findApi(method: string, path: string): void {
  if (path !== documentPath) findOperation(method, path);
  else if (method !== 'GET' && method !== 'HEAD') throw onlyReads();
}

/** `/api/v1/…`: users, rights, tokens and the audit trail, for people and for pages made for them. */
export async function openApi(config: Config, { recorder, ...given }: ApiOptions): Promise<Api> {
  const parts: ApiParts = {
    ...given,
    admin: await openAdmin(config),
    auditReader: openAuditReader(config),
  };
  const document = apiDocument();
  // The change is made; that it cannot be written down now is no reason to say that it failed.
  const report = (entry: AuditEntry) => recorder.commit(entry).catch(() => recorder.record(entry));
  return {
    close() {
      parts.admin.close();
      parts.auditReader.close();
    },
    async answer(exchange, path, query) {
      const method = exchange.request.method === 'HEAD' ? 'GET' : (exchange.request.method ?? '');
      if (path === documentPath) {
        findApi(method, path);
        return sendJson(exchange, 200, document);
      }
      const { operation, path: inPath } = findOperation(method, path);
      const values = new Map([...inPath, ...readQuery(operation, query)]);
      const actor = await login(exchange, parts);
      demandLogin(operation.access, actor);
      const by = changeMaker(exchange, actor);
      const own = audited<ActingAdmin>(parts.admin.as(actor), by, report);
      if (operation.access === 'administrator' && !own.isAdministrator()) throw forAdministrators();
      const body = operation.body && (await readBody(exchange, operation));
      const admin = audited(parts.admin, by, report);
      const parameter = (name: string) => values.get(name);
      try {
        const result = await operation.run({ actor, exchange, parameter, body, admin, own, parts });
        if (operation.answer) sendJson(exchange, operation.status, result, noStore);
        else exchange.response.writeHead(204, noStore).end();
      } catch (error) {
        throw asOciError(error);
      }
    },
  };
}

const noStore = { 'Cache-Control': 'no-store' };

function readQuery({ query = {}, needs = [] }: Operation, text: string): Map<string, string> {
  const parameters = new Parameters(text);
  const values = new Map<string, string>();
  for (const [name, schema] of Object.entries(query)) {
    const value = parameters.text(name);
    if (value === undefined) {
      if (needs.includes(name)) throw missing(name);
      continue;
    }
    checkValue(schema, value, name);
    values.set(name, value);
  }
  return values;
}

async function readBody({ request, response }: Exchange, { body }: Operation): Promise<unknown> {
  const value = await readJson(request, response);
  checkValue(body!, value, 'the body');
  return value;
}

/** @throws OciError UNAUTHORIZED, DENIED */
function demandLogin(access: Access, actor: Actor): void {
  if (access === 'anybody') return;
  if (actor.kind === 'anonymous') throw new OciError('UNAUTHORIZED');
  if (access !== 'password' || actor.credential?.kind === 'password') return;
  throw new OciError('DENIED', { message: 'this takes the password itself: no token will do' });
}

function forAdministrators(): OciError {
  return new OciError('DENIED', {
    message: 'this is for administrators, with their password or a token that is not limited',
  });
}

function missing(parameter: string): OciError {
  return new OciError('PARAMETER_INVALID', { message: `${parameter} is missing`, detail: { parameter } });
}

function onlyReads(): OciError {
  return new OciError('UNSUPPORTED', {
    message: 'method not allowed here (allowed: GET, HEAD)',
    headers: { Allow: 'GET, HEAD' },
  });
}

function changeMaker({ clientAddress, requestId }: Exchange, actor: Actor): ChangeMaker {
  const credential = actor.issuedTo ?? actor.credential;
  return {
    actor: actor.name,
    actorKind: actor.kind,
    credential: credential && credentialText(credential),
    address: clientAddress,
    requestId,
  };
}
