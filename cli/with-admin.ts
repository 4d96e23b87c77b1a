import { type Action, type Admin, openAdmin } from '../gateway/admin.ts';
import { audited } from '../gateway/audit/index.ts';
import { operator } from '../runtime/audit-report.ts';
import { reportChange } from './audit-report.ts';
import type { Call } from './command.ts';
import { UsageError } from './errors.ts';
import { loadExisting } from './settings.ts';

/** Opens users and rights, does something with them, closes. What is done takes effect in a running server at once. */
export async function withAdmin<Result>(call: Call, use: (admin: Admin) => Promise<Result>): Promise<Result> {
  const { config } = loadExisting(call.flags);
  const admin = audited(await openAdmin(config), operator(), (entry) => reportChange(config, entry));
  try {
    return await use(admin);
  } finally {
    admin.close();
  }
}

const known = new Set(['pull', 'push', 'delete', 'admin']);

/** `pull,push`. @throws UsageError */
export function parseActions(text: string): Action[] {
  const actions = text.split(',').map((action) => action.trim());
  const wrong = actions.find((action) => !known.has(action));
  if (wrong !== undefined)
    throw new UsageError(`${JSON.stringify(wrong)} is not an action; they are pull, push, delete and admin`);
  return [...new Set(actions)] as Action[];
}
