import { CommandError, UsageError } from './errors.ts';

/**
 * A new password: the first line of standard input, or asked for twice at the terminal without echo.
 * @throws UsageError where there is neither.
 */
export async function newPassword(user: string, fromStdin: boolean): Promise<string> {
  if (fromStdin) return await firstLine();
  if (!process.stdin.isTTY) throw new UsageError('there is no terminal to ask at; use --password-stdin');
  const ask = openPrompt();
  try {
    const password = await ask(`New password for ${user}: `);
    if ((await ask('The same again: ')) !== password) throw new CommandError('the two are not the same');
    return password;
  } finally {
    ask.close();
  }
}

async function firstLine(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return text.split('\n', 1)[0]!.replace(/\r$/, '');
}

/** One reader for all questions, so that what was typed ahead of the second one is not lost. */
function openPrompt() {
  const { stdin, stderr } = process;
  const typed: string[] = [];
  let wake = () => {};
  const take = (chunk: string) => {
    typed.push(...chunk);
    wake();
  };
  // Raw mode echoes nothing and leaves Ctrl-C to us, too.
  stdin.setRawMode(true).setEncoding('utf8').on('data', take);
  const next = async () => {
    while (typed.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return typed.shift()!;
  };
  const ask = async (question: string) => {
    stderr.write(question);
    try {
      return await readLine(next);
    } finally {
      stderr.write('\n');
    }
  };
  const close = () => stdin.off('data', take).setRawMode(false).pause();
  return Object.assign(ask, { close });
}

async function readLine(next: () => Promise<string>): Promise<string> {
  const line: string[] = [];
  for (;;) {
    const character = await next();
    if (character === '\r' || character === '\n') return line.join('');
    if (character === '\u0003' || character === '\u0004') throw new CommandError('interrupted', 130);
    if (character === '\u007f' || character === '\b') line.pop();
    else if (character === '\u0015') line.length = 0;
    else if (character >= ' ') line.push(character);
  }
}
