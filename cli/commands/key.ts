import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { UsageError } from '../errors.ts';
import { printJson, printLine, printTable } from '../output.ts';
import { withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'list and rotate the keys that sign tokens',
  usage: ['key list [--json]', 'key rotate [--revoke]', 'key authority [--json]'],
  description:
    'Tokens are signed with one key. Rotated out, a key is accepted for as long as its tokens live, and only its public\npart is kept. Takes effect at once, without a restart. authority prints what another registry needs to trust\ntokens of this one: a certificate (PEM) for its rootcertbundle; --json adds the issuer. A rotation leaves it as it\nis, unless it revokes.',
  options: {
    revoke: {
      type: 'boolean',
      description: 'rotate: tokens of the old keys are void at once, the authority is replaced',
    },
    ...jsonOption,
  },
  examples: [
    ['key rotate', 'sign with a new key; tokens that are out live on'],
    ['key rotate --revoke', 'the old key was seen by somebody: refuse its tokens from now on'],
    ['key authority > gatehouse-tokens.crt', 'for another registry'],
  ],
  async run(call) {
    const [verb = '', ...rest] = call.positionals;
    if (!Object.hasOwn(verbs, verb)) {
      throw new UsageError(`expected one of: ${Object.keys(verbs).join(', ')}`);
    }
    const { option, run } = verbs[verb]!;
    const foreign = [...call.given].find((name) => name !== option);
    if (foreign) throw new UsageError(`--${foreign} does not go with key ${verb}`);
    namedPositionals(rest, []);
    await run(call);
    return 0;
  },
};

const verbs: Record<string, { option: string; run(call: Call): Promise<void> }> = {
  list: { option: 'json', run: list },
  rotate: { option: 'revoke', run: rotate },
  authority: { option: 'json', run: authority },
};

async function list(call: Call): Promise<void> {
  const keys = await withAdmin(call, (admin) => admin.listKeys());
  if (call.given.has('json')) return printJson(keys);
  printTable(
    ['key', 'state', 'created', 'accepted until'],
    keys.map(({ kid, state, createdAt, endsAt = '' }) => [kid, state, createdAt, endsAt]),
  );
}

async function rotate(call: Call): Promise<void> {
  const revoke = call.given.has('revoke');
  const { kid, newAuthority } = await withAdmin(call, (admin) => admin.rotateKey({ revoke }));
  printLine(`tokens are signed with the new key ${kid}`);
  if (newAuthority) {
    printLine('other registries that trust our tokens need the new certificate: gatehouse key authority');
  }
}

async function authority(call: Call): Promise<void> {
  const found = await withAdmin(call, (admin) => admin.tokenAuthority());
  if (call.given.has('json')) return printJson(found);
  process.stdout.write(found.certificate);
}
