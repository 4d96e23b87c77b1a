import { type PlanReport, type PlanSection, planOf } from '../gc/inspect.ts';
import { type Call, namedPositionals } from './command.ts';
import { countOf, formatBytes } from './format.ts';
import { limitOf } from './limit.ts';
import { printJson, printLine } from './output.ts';
import { loadExisting } from './settings.ts';

const kinds = {
  tags: 'tag',
  manifests: 'manifest',
  links: 'link',
  blobs: 'blob',
  uploads: 'abandoned upload',
  trash: 'trashed blob',
  files: 'left-over file',
} as const;

/** `gatehouse gc plan`: what goes now and what later, each with its reason. */
export async function run(call: Call): Promise<number> {
  namedPositionals(call.positionals, []);
  const { config } = loadExisting(call.flags);
  const plan = await planOf(config, limitOf(call));
  if (call.given.has('json')) printJson(plan);
  else show(plan);
  return 0;
}

function show({ goes, waits, in_doubt: inDoubt, into_trash: intoTrash }: PlanReport): void {
  const freed = intoTrash ? goes.trash.bytes : goes.bytes + goes.trash.bytes;
  const trashed = intoTrash ? ` and put ${formatBytes(goes.bytes)} into the trash` : '';
  printLine(`A run now would free ${formatBytes(freed)}${trashed}: ${figures(goes)}.`);
  showItems(goes, () => '');
  printLine(`\nLater, by itself: ${formatBytes(waits.bytes + waits.trash.bytes)}: ${figures(waits)}.`);
  showItems(waits, ({ due }) => `from ${due}  `);
  for (const name of inDoubt) {
    printLine(`\nNothing goes in ${name}: a manifest there is of a type that this Gatehouse does not know.`);
  }
}

function figures(section: PlanSection): string {
  return entriesOf(section)
    .map(([kind, { total }]) => countOf(total, kinds[kind]))
    .join(', ');
}

function showItems(section: PlanSection, prefix: (item: { due: string }) => string): void {
  for (const [kind, { total, items }] of entriesOf(section)) {
    for (const item of items) {
      printLine(
        `  ${prefix(item)}${kinds[kind]}  ${item.what}  ${formatBytes(item.bytes)}\n      ${item.reason}`,
      );
    }
    if (total > items.length)
      printLine(`  … and ${countOf(total - items.length, kinds[kind])} more (-n 0: all)`);
  }
}

function entriesOf(section: PlanSection) {
  return (Object.keys(kinds) as (keyof typeof kinds)[]).map((kind) => [kind, section[kind]] as const);
}
