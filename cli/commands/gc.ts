import { type Call, type Command, jsonOption } from '../command.ts';
import { UsageError } from '../errors.ts';

/** Its verbs, each a file of its own that is loaded when it is asked for, with the options that go with it. */
const verbs: Record<string, { options: readonly string[]; load(): Promise<Verb> }> = {
  run: { options: ['dry-run', 'json', 'scheduled'], load: () => import('../gc-run.ts') },
  plan: { options: ['json', 'limit'], load: () => import('../gc-plan.ts') },
  why: { options: ['json', 'limit'], load: () => import('../gc-why.ts') },
  history: { options: ['json', 'limit'], load: () => import('../gc-history.ts') },
  undo: { options: ['dry-run', 'json'], load: () => import('../gc-undo.ts') },
};

interface Verb {
  /** @param call without the verb's own name. @returns as `Command.run`. */
  run(call: Call): Promise<number | undefined>;
}

export const command: Command = {
  summary: 'remove what nothing refers to any more; say what goes, what stays, and why',
  usage: [
    'gc [--dry-run] [--json]',
    'gc plan [-n N] [--json]',
    'gc why REPOSITORY@DIGEST|REPOSITORY:TAG|DIGEST [-n N] [--json]',
    'gc history [-n N] [--json]',
    'gc undo RUN [--dry-run] [--json]',
    'gc --scheduled',
  ],
  description:
    'Runs one collection now, in the running collector where there is one. Pushes and pulls go on meanwhile.\nWhat a client was told exists is kept until its lease (gc.lease) is over; the report says until when.\nplan, why and history read the database and change nothing, whether or not the server runs.\nundo brings back what a run removed, while the trash (gc.trash) has it; the server has to run.\nExit code 1: something could not be removed, or brought back; the report names it. why: no such manifest or blob.',
  options: {
    'dry-run': {
      type: 'boolean',
      description: 'remove nothing, say what would be removed (the counts of plan)',
    },
    limit: {
      type: 'string',
      short: 'n',
      value: 'N',
      description: 'at most N entries of each kind (20; 0: all)',
    },
    ...jsonOption,
    scheduled: { type: 'boolean', description: 'run the collector process alone, by its schedule' },
  },
  examples: [
    ['gc --dry-run', 'what would be removed?'],
    ['gc plan', 'what exactly, why, and what waits until when?'],
    ['gc why team/app:1.0', 'what keeps this image, and how long?'],
    ['gc undo 12', 'bring back what run 12 removed'],
    ['gc --data /srv/gatehouse --json', 'collect, print one JSON object'],
    ['gc --scheduled', 'the collector as a service of its own'],
  ],
  async run(call) {
    const [name = 'run', ...positionals] = call.positionals;
    // `run` is what `gc` alone means, not a word to type.
    const verb = Object.hasOwn(verbs, name) && call.positionals[0] !== 'run' ? verbs[name] : undefined;
    if (!verb)
      throw new UsageError(`expected one of: ${Object.keys(verbs).slice(1).join(', ')}; or no argument`);
    const foreign = [...call.given].find((option) => !verb.options.includes(option));
    if (foreign) throw new UsageError(`--${foreign} does not go with gc ${name}`);
    return await (await verb.load()).run({ ...call, positionals });
  },
};
