import { runProcessHere } from '../../supervisor/index.ts';
import { type Command, namedPositionals } from '../command.ts';
import { loadAlone, processFlags } from '../settings.ts';

export const command: Command = {
  summary: 'run the storage core alone',
  usage: ['core [options]'],
  description:
    'Runs registry-core by itself, under systemd or in a container of its own; `gatehouse up` runs all three\nprocesses. It listens on <data>/run/core.sock only, knows no user, and is not to be reached by anybody but\nthe gateway.',
  examples: [['core --data /srv/gatehouse', 'the core of that data directory']],
  async run({ flags, positionals }) {
    namedPositionals(positionals, []);
    await runProcessHere('core', processFlags(loadAlone(flags), flags));
    return undefined;
  },
};
