import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runMain } from '../../../runtime/main.ts';

/**
 * A process that does nothing but write down what happens to it, one line each in `<data>/events`, and that
 * misbehaves as files in the data directory tell it:
 *
 *     <name>.fails   it cannot start, with the file's text as the message
 *     <name>.dies    it ends with code 3 before it is ready
 *     <name>.stays   it does not drain
 *     <name>.waits   it starts only when the file is gone
 */
export async function runFake(name: string): Promise<void> {
  await runMain(name, async ({ data }) => {
    const told = (how: string) => existsSync(join(data, `${name}.${how}`));
    const note = (what: string) => appendFileSync(join(data, 'events'), `${what} ${name}\n`);
    note('start');
    writeFileSync(join(data, `${name}.seen`), JSON.stringify({ env: process.env, argv: process.argv }));
    if (told('dies')) process.exit(3);
    if (told('fails')) throw new Error(readFileSync(join(data, `${name}.fails`), 'utf8'));
    while (told('waits')) await new Promise((resolve) => setTimeout(resolve, 10));
    const alive = setInterval(() => {}, 60_000);
    return {
      async drain() {
        note('drain');
        if (told('stays')) await new Promise(() => {});
        clearInterval(alive);
      },
      async reload() {
        note('reload');
      },
    };
  });
}
