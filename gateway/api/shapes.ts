import { auditActions } from '../../runtime/audit-entry.ts';
import { repositoryActions } from '../../runtime/repository-rights.ts';
import { flag, listOf, noText, noTime, objectOf, type Schema, text, time } from './schema.ts';

/** What the API takes and answers; the names are those of the OpenAPI document. */
export const actionsShape: Schema = {
  type: 'array',
  items: { type: 'string', enum: repositoryActions },
  minItems: 1,
  maxItems: repositoryActions.length,
};

const pattern: Schema = {
  ...text,
  description: 'Pattern of repository names: `team/app`, `team/*`, `team/**`, `**`.',
};

export const rightsShape: Schema = {
  type: ['array', 'null'],
  items: objectOf({ pattern, actions: actionsShape }),
  maxItems: 100,
  description: 'What it is limited to; null: nothing beside the rights of its account.',
};

export const shapes = {
  Me: objectOf({
    name: { ...text, description: 'Empty for anonymous.' },
    kind: { type: 'string', enum: ['user', 'robot', 'anonymous'] },
    administrator: flag,
    credential: { ...noText, description: 'What this request brought: `password`, `personal-token`, …' },
  }),
  Grant: objectOf(
    {
      subject: { ...text, description: 'A user, `team:NAME`, `robot+NAME`, `anonymous` or `authenticated`.' },
      pattern,
      actions: actionsShape,
      template: { ...text, description: 'The template that it is made of; absent for one that was given.' },
    },
    'template',
  ),
  Decision: objectOf(
    {
      allowed: flag,
      reason: { type: 'string', enum: ['grant', 'template', 'admin', 'no-grant', 'limit', 'scope'] },
      grant: { $ref: '#/components/schemas/Grant' },
    },
    'grant',
  ),
  User: objectOf({
    name: text,
    kind: { type: 'string', enum: ['user'] },
    admin: flag,
    enabled: flag,
    source: { type: 'string', enum: ['own', 'htpasswd', 'gone'] },
    createdAt: time,
    updatedAt: time,
  }),
  Team: objectOf({ name: text, members: listOf(text), createdAt: time }),
  Robot: objectOf({
    name: text,
    owner: text,
    description: text,
    enabled: flag,
    rights: rightsShape,
    secretId: text,
    createdAt: time,
    expiresAt: noTime,
    lastUsedAt: noTime,
    lastUsedFrom: noText,
  }),
  Token: objectOf({
    id: text,
    user: text,
    name: text,
    rights: rightsShape,
    createdAt: time,
    expiresAt: noTime,
    lastUsedAt: noTime,
    lastUsedFrom: noText,
  }),
  Secret: objectOf({
    id: { ...text, description: 'By which it is listed and revoked.' },
    user: { ...text, description: 'The login name that goes with it.' },
    secret: { type: 'string', description: 'Told this once.' },
    expiresAt: noTime,
  }),
  Session: objectOf(
    {
      id: text,
      user: text,
      client: text,
      address: text,
      service: { ...text, description: 'The other registry that it is for; absent for this one.' },
      createdAt: time,
      expiresAt: time,
      lastUsedAt: noTime,
      lastUsedFrom: noText,
    },
    'service',
  ),
  AuditEntry: objectOf(
    {
      time,
      action: { type: 'string', enum: Object.keys(auditActions) },
      actor: { type: 'string' },
      actorKind: { type: 'string', enum: ['user', 'robot', 'anonymous', 'operator', 'system'] },
      credential: { type: 'string' },
      token: { type: 'string' },
      address: { type: 'string' },
      repository: { type: 'string' },
      reference: { type: 'string' },
      digest: { type: 'string' },
      subject: { type: 'string' },
      result: { type: 'string', enum: ['ok', 'failed', 'denied'] },
      status: { type: 'integer' },
      requestId: { type: 'string' },
      detail: { type: 'object', additionalProperties: true },
    },
    'credential',
    'token',
    'address',
    'repository',
    'reference',
    'digest',
    'subject',
    'status',
    'detail',
  ),
  Errors: objectOf({
    errors: listOf({
      type: 'object',
      properties: { code: { type: 'string' }, message: { type: 'string' }, detail: {} },
      required: ['code', 'message'],
    }),
  }),
} satisfies Record<string, Schema>;

export function shapeOf(name: keyof typeof shapes): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** A list of them under one name, so that more can be said beside it later. */
export function listed(
  property: string,
  name: keyof typeof shapes,
  more: Record<string, Schema> = {},
): Schema {
  return objectOf({ [property]: listOf(shapeOf(name)), ...more }, ...Object.keys(more));
}
