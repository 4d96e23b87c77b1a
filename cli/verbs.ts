import type { Admin } from '../gateway/admin.ts';
import { type Call, namedPositionals } from './command.ts';
import { UsageError } from './errors.ts';
import { printLine } from './output.ts';
import { withAdmin } from './with-admin.ts';

/** One of the things that a command does: `user add`. */
export interface Verb {
  /** Names of the command's options that go with it. */
  options: readonly string[];
  run(call: Call): Promise<void>;
}

/** @returns exit code 0. @throws UsageError for a verb that there is not, or an option of another one. */
export async function runVerb(
  command: string,
  verbs: Readonly<Record<string, Verb>>,
  call: Call,
): Promise<number> {
  const [verb = '', ...rest] = call.positionals;
  if (!Object.hasOwn(verbs, verb)) {
    throw new UsageError(`expected one of: ${Object.keys(verbs).join(', ')}`);
  }
  const { options, run } = verbs[verb]!;
  const foreign = [...call.given].find((name) => !options.includes(name));
  if (foreign) throw new UsageError(`--${foreign} does not go with ${command} ${verb}`);
  await run({ ...call, positionals: rest });
  return 0;
}

/** The verb of a change that needs nothing but a name: `user disable NAME`. @param done what it says afterwards. */
export function changeOf(
  kind: 'user' | 'robot',
  done: string,
  change: (admin: Admin, name: string) => Promise<void>,
): Verb {
  return {
    options: [],
    async run(call) {
      const { NAME } = namedPositionals(call.positionals, ['NAME']);
      await withAdmin(call, (admin) => change(admin, NAME));
      printLine(`${kind} ${NAME} ${done}`);
    },
  };
}
