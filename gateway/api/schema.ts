import { OciError } from '../../oci/errors.ts';

/** The part of JSON Schema (2020-12) that the API's own schemas use. */
export interface Schema {
  type?: SchemaType | readonly SchemaType[];
  description?: string;
  format?: 'date-time';
  pattern?: string;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: boolean;
  writeOnly?: boolean;
  $ref?: string;
}

type SchemaType = 'object' | 'array' | 'string' | 'boolean' | 'integer' | 'null';

export const text: Schema = { type: 'string', maxLength: 255 };
export const flag: Schema = { type: 'boolean' };
export const time: Schema = { type: 'string', format: 'date-time' };
export const noTime: Schema = { type: ['string', 'null'], format: 'date-time' };
export const noText: Schema = { type: ['string', 'null'] };
export const password: Schema = { type: 'string', maxLength: 255, writeOnly: true };

export function listOf(items: Schema): Schema {
  return { type: 'array', items };
}

/** All properties are there unless they are named as optional, and no others. */
export function objectOf(properties: Record<string, Schema>, ...optional: string[]): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

/**
 * Compares what a client sent with a schema. What was sent is never repeated: it may be a password.
 * @param where the name of the value, for the message.
 * @throws OciError PARAMETER_INVALID
 */
export function checkValue(schema: Schema, value: unknown, where: string): void {
  const types = [schema.type ?? []].flat();
  const type = typeOf(value);
  if (types.length > 0 && !types.includes(type)) refuse(where, `is to be ${types.join(' or ')}, not ${type}`);
  if (typeof value === 'string') checkText(schema, value, where);
  else if (typeof value === 'number') checkNumber(schema, value, where);
  else if (Array.isArray(value)) checkList(schema, value, where);
  else if (type === 'object') checkObject(schema, value as Record<string, unknown>, where);
}

function checkText({ enum: values, maxLength, pattern, format }: Schema, value: string, where: string): void {
  if (values && !values.includes(value)) refuse(where, `is to be one of ${values.join(', ')}`);
  if (maxLength !== undefined && value.length > maxLength)
    refuse(where, `has more than ${maxLength} characters`);
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value))
    refuse(where, `does not match ${pattern}`);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
  if (format && (!isTime.test(value) || Number.isNaN(Date.parse(value)))) {
    refuse(where, 'is to be a time such as 2026-01-31T08:00:00Z');
  }
}

function checkNumber({ minimum, maximum }: Schema, value: number, where: string): void {
  if (value < (minimum ?? value) || value > (maximum ?? value)) {
    refuse(where, `is to be from ${minimum ?? 'any'} to ${maximum ?? 'any'}`);
  }
}

function checkList({ items, minItems, maxItems }: Schema, value: unknown[], where: string): void {
  if (value.length < (minItems ?? 0) || value.length > (maxItems ?? value.length)) {
    refuse(where, `is to have from ${minItems ?? 0} to ${maxItems ?? 'any number of'} entries`);
  }
  for (const [index, entry] of value.entries()) if (items) checkValue(items, entry, `${where}[${index}]`);
}

function checkObject(schema: Schema, value: Record<string, unknown>, where: string): void {
  const { properties = {}, required = [] } = schema;
  const missing = required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) refuse(where, `lacks "${missing}"`);
  for (const [name, entry] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) checkValue(properties[name]!, entry, name);
    else refuse(where, `may have only ${Object.keys(properties).join(', ')}`);
  }
}

function typeOf(value: unknown): SchemaType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : ('number' as SchemaType);
  return typeof value as SchemaType;
}

function refuse(where: string, what: string): never {
  throw new OciError('PARAMETER_INVALID', { message: `${where} ${what}`, detail: { parameter: where } });
}
