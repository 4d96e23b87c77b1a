import { runProcessHere } from '../../supervisor/index.ts';
import { type Command, namedPositionals } from '../command.ts';
import { loadAlone, processFlags } from '../settings.ts';

export const command: Command = {
  summary: 'run the front door alone',
  usage: ['gateway [options]'],
  description:
    'Runs the gateway by itself, under systemd or in a container of its own; `gatehouse up` runs all three\nprocesses. It needs a core on the same data directory.',
  examples: [['gateway --data /srv/gatehouse --port 8443', 'the front door on port 8443']],
  async run({ flags, positionals }) {
    namedPositionals(positionals, []);
    await runProcessHere('gateway', processFlags(loadAlone(flags), flags));
    return undefined;
  },
};
