import { OciError } from '../../oci/errors.ts';
import { AdminError } from '../admin.ts';

/** A wish that cannot be done, in the form of every other error: its own code is `detail.reason`. */
export function asOciError(error: unknown): unknown {
  if (!(error instanceof AdminError)) return error;
  const detail = { reason: error.code };
  const { message } = error;
  if (error.code === 'NOT_ALLOWED') return new OciError('DENIED', { message, detail });
  if (error.code.endsWith('_UNKNOWN')) return new OciError('NOT_FOUND', { message, detail });
  const isConflict = error.code.endsWith('_EXISTS') || conflicts.has(error.code);
  return new OciError('PARAMETER_INVALID', { status: isConflict ? 409 : 400, message, detail });
}

const conflicts: ReadonlySet<string> = new Set(['LAST_ADMIN', 'PASSWORD_ELSEWHERE', 'USER_IN_HTPASSWD']);
