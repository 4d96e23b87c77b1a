import { createTask, type Logger, parse, type ScheduledTask, type TaskOptions, validate } from 'node-cron';
import { ConfigError } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { formatWindow, isWithin } from '../runtime/daily-window.ts';
import type { Log } from '../runtime/log.ts';
import { RunWindow } from './window.ts';

/** When runs start by themselves. */
export interface Schedule {
  /** The next time, without the jitter; null where none can be told. */
  next(): Date | null;
  stop(): Promise<void>;
}

/** A busy event loop may be this late; who was asleep for longer waits for the next time. */
const latenessMs = 60_000;
/** So many of the next times are looked through for one in the window. */
const maxLookAhead = 1000;

/**
 * Starts runs by `gc.schedule`, `gc.timezone`, `gc.jitter` and `gc.window`; never one while the last still works.
 * @param work is given a signal that comes at the end of the window.
 * @returns undefined when the schedule is off.
 * @throws ConfigError
 */
export function startSchedule(
  config: Config,
  log: Log,
  work: (signal: AbortSignal | undefined) => Promise<void>,
): Schedule | undefined {
  const expression = config['gc.schedule'];
  if (expression === 'off') return undefined;
  const limits = config['gc.window'];
  const window = limits ? new RunWindow(limits, config['gc.timezone']) : undefined;
  if (!validate(expression)) throw fault('gc.schedule', expression, 'a cron expression, or off');
  const task = createTask(
    expression,
    () => (window ? workWithin(window, log, work) : work(undefined)),
    taskOptions(config, log),
  );
  checkWindow(config);
  task.on('execution:overlap', () => log.debug('scheduled collection left out: the last one still works'));
  task.start();
  return {
    next: () => nextRun(task, window),
    stop: async () => {
      await task.destroy();
    },
  };
}

function taskOptions(config: Config, log: Log): TaskOptions {
  const timezone = config['gc.timezone'];
  return {
    ...(timezone === '' ? {} : { timezone }),
    maxRandomDelay: config['gc.jitter'],
    noOverlap: true,
    missedExecutionTolerance: latenessMs,
    logger: loggerOf(log),
  };
}

/** The window is looked at when the jitter is over, too. */
async function workWithin(
  window: RunWindow,
  log: Log,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (!window.isOpen()) {
    log.info('scheduled collection left out: it is outside of gc.window');
    return;
  }
  const closing = new AbortController();
  const end = new Error('gc.window is over; the next run goes on from here');
  const release = window.onEnd(() => closing.abort(end));
  try {
    await work(closing.signal);
  } finally {
    release();
  }
}

function nextRun(task: ScheduledTask, window: RunWindow | undefined): Date | null {
  if (!window) return task.getNextRun();
  for (let count = 1; count <= maxLookAhead; count *= 10) {
    const found = task.getNextRuns(count).find((time) => window.isOpen(time));
    if (found) return found;
  }
  return null;
}

/** @throws ConfigError where no time of the schedule ever lies in the window. */
function checkWindow(config: Config): void {
  const expression = config['gc.schedule'];
  const window = config['gc.window'];
  const { hour, minute } = parse(expression);
  if (window && !hour.some((h) => minute.some((m) => isWithin(window, h * 60 + m)))) {
    throw fault(
      'gc.window',
      formatWindow(window),
      `a part of the day with a time of gc.schedule (${expression})`,
    );
  }
}

function fault(key: string, value: string, expected: string): ConfigError {
  return new ConfigError([{ key, value, expected }]);
}

/** By itself it would write colours to standard output. */
function loggerOf(log: Log): Logger {
  const text = (message: string | Error) =>
    `node-cron: ${message instanceof Error ? message.message : message}`;
  return {
    debug: (message) => log.debug(text(message)),
    // It repeats the event of an overlap, which a schedule of every second has all the time.
    warn: (message) => (message.includes('overlap') ? undefined : log.warn(text(message))),
    info: (message) => log.debug(text(message)),
    error: (message, error) => log.error(text(message), { error }),
  };
}
