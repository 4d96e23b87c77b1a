import pino from 'pino';
import { blankSecrets } from './secrets.ts';

export type LogFields = Record<string, unknown>;

/** One JSON object a line on standard error. Fields are named, never formatted into the message. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Names that would carry a secret are blanked wherever they stand, in case somebody logs too much. */
const secretNames = new Set([
  'password',
  'passwordhash',
  'authorization',
  'proxy-authorization',
  'token',
  'cookie',
  'set-cookie',
  'secret',
]);
const maxDepth = 8;

/** @param component the process: `gateway`, `core`, `gc`, `supervisor`. */
export function createLog(component: string, level: string): Log {
  const logger = pino(
    {
      level,
      base: { component, pid: process.pid },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => readable(fields) as LogFields },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  const write =
    (method: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}) =>
      logger[method](fields, message);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Fields as they are written: secrets blanked, errors described, an end to what refers to itself. */
function readable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return blankSecrets(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > maxDepth) return '…';
  if (value instanceof Error) return readable(describeError(value), depth);
  if (Array.isArray(value)) return value.map((entry) => readable(entry, depth + 1));
  if (![Object.prototype, null].includes(Object.getPrototypeOf(value))) return value;
  const entries = Object.entries(value).map(([name, inner]) =>
    secretNames.has(name.toLowerCase()) ? [name, '[secret]'] : [name, readable(inner, depth + 1)],
  );
  return Object.fromEntries(entries);
}

/** Name, message, code and stack of an error, and the same of its cause. */
function describeError(error: Error): LogFields {
  const { name, message, stack, cause } = error;
  const { code } = error as NodeJS.ErrnoException;
  return { name, message, code, stack, ...(cause === undefined ? {} : { cause }) };
}
