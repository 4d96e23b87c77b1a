import { OciError } from '../../oci/errors.ts';
import { isPattern } from '../../oci/repository-pattern.ts';
import { formatEntry } from '../../runtime/audit-entry.ts';
import type { AuditFilter } from '../audit/index.ts';
import type { Call, Operation } from './operation.ts';
import { type Schema, text, time } from './schema.ts';
import { listed } from './shapes.ts';

const limit: Schema = { type: 'string', pattern: '^[1-9][0-9]{0,2}$', description: 'At most so many (100).' };

export const auditOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/api/v1/audit',
    summary:
      'The audit trail, newest first; for those who administer patterns what concerns repositories within them',
    access: 'account',
    query: {
      user: text,
      repository: { ...text, description: 'A pattern.' },
      action: text,
      address: text,
      since: time,
      until: time,
      limit,
      after: { ...text, description: '`next` of the page before.' },
    },
    status: 200,
    answer: listed('entries', 'AuditEntry', { next: text }),
    run: readTrail,
  },
];

function readTrail(call: Call): unknown {
  const { parameter, parts } = call;
  const repository = parameter('repository');
  if (repository !== undefined && !isPattern(repository))
    throw wrong('repository', 'is not a repository pattern');
  const filter: AuditFilter = {
    user: parameter('user'),
    repository,
    action: parameter('action'),
    address: parameter('address'),
    since: millisecondsOf(parameter('since')),
    until: millisecondsOf(parameter('until')),
    isVisible: visibleTo(call),
  };
  try {
    const page = parts.auditReader.page(filter, Number(parameter('limit') ?? 100), parameter('after'));
    return { ...page, entries: page.entries.map((entry) => JSON.parse(formatEntry(entry))) };
  } catch (error) {
    throw error instanceof RangeError ? wrong('after', 'is not the end of a page') : error;
  }
}

/** Everything for administrators. */
function visibleTo({ actor, own, parts }: Call): AuditFilter['isVisible'] {
  if (own.isAdministrator()) return undefined;
  const known = new Map<string, boolean>();
  return (repository) => {
    if (repository === undefined) return false;
    const allowed = known.get(repository) ?? parts.identity.decide(actor, repository, 'admin').allowed;
    known.set(repository, allowed);
    return allowed;
  };
}

function millisecondsOf(given: string | undefined): number | undefined {
  return given === undefined ? undefined : Date.parse(given);
}

function wrong(parameter: string, what: string): OciError {
  return new OciError('PARAMETER_INVALID', { message: `${parameter} ${what}`, detail: { parameter } });
}
