import type { Admin } from '../admin.ts';
import type { Upstream } from '../ask.ts';
import type { AuditReader } from '../audit/index.ts';
import type { Exchange } from '../exchange.ts';
import type { ActingAdmin } from '../identity/acting-admin.ts';
import type { Actor } from '../identity/index.ts';
import type { LoginParts } from '../login.ts';
import type { Schema } from './schema.ts';

/**
 * Who may call an operation at all; what it shows and does is still decided by the caller's rights.
 * `anybody`: without login too. `account`: a user or robot. `password`: a user with his password, no token.
 * `administrator`: of everything, with the password or a token that is not limited.
 */
export type Access = 'anybody' | 'account' | 'password' | 'administrator';

/** One method of one path: routing, checks and the OpenAPI document are made of it. */
export interface Operation {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As OpenAPI writes it: `/api/v1/users/{name}`. */
  path: string;
  summary: string;
  access: Access;
  query?: Readonly<Record<string, Schema>>;
  /** Names of the query's parameters that must be there. */
  needs?: readonly string[];
  body?: Schema;
  /** 201 and 200 have an answer, 204 has none. */
  status: 200 | 201 | 204;
  answer?: Schema;
  run(call: Call): unknown;
}

/** An operation as it is called. */
export interface Call {
  actor: Actor;
  exchange: Exchange;
  /** Of the path and of the query, by name; checked against the schemas. */
  parameter(name: string): string | undefined;
  /** Checked against its schema. */
  // biome-ignore lint/suspicious/noExplicitAny: what it is stands in the operation's schema.
  body: any;
  /** Everything; for `administrator` only. Changes are written into the audit trail, in the name of the caller. */
  admin: Admin;
  /** What the caller may do with his own rights. As above. */
  own: ActingAdmin;
  parts: ApiParts;
}

/** What operations work with. */
export interface ApiParts extends LoginParts {
  upstream: Upstream;
  admin: Admin;
  auditReader: AuditReader;
}
