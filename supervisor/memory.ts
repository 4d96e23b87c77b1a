/**
 * What keeps the processes small after a load, at no cost that could be measured (docs/decisions/0036). Of V8 the young
 * generation, which grows to several times this under load and hardly shrinks again; MiB.
 */
const youngGeneration = '--max-semi-space-size=8';

/**
 * Of glibc (mallopt(3)); others ignore it. Left alone, it takes blocks of up to 32 MiB from the heap as soon as it has
 * freed one, where what is in use behind them keeps their pages. Bytes.
 */
const allocator = {
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_TOP_PAD_: '65536',
};

/** Flags of Node for a process; none where the operator has an opinion. */
export function memoryFlags({ NODE_OPTIONS = '' }: NodeJS.ProcessEnv): string[] {
  return /semi[-_]space/.test(NODE_OPTIONS) ? [] : [youngGeneration];
}

/** The environment with settings of the allocator, unless the operator has some. */
export function withAllocator(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isSet = Object.keys(environment).some(
    (name) => name.startsWith('MALLOC_') || name === 'GLIBC_TUNABLES',
  );
  return isSet ? environment : { ...allocator, ...environment };
}
