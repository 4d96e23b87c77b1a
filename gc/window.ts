import { type DailyWindow, isWithin } from '../runtime/daily-window.ts';

const dayMs = 86_400_000;

/** The part of each day in which scheduled runs work (`gc.window`), by the clock of a time zone. */
export class RunWindow {
  readonly #window: DailyWindow;
  readonly #format: Intl.DateTimeFormat;

  /** @param timezone empty: local time. */
  constructor(window: DailyWindow, timezone: string) {
    this.#window = window;
    this.#format = new Intl.DateTimeFormat('en', {
      hourCycle: 'h23',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      ...(timezone === '' ? {} : { timeZone: timezone }),
    });
  }

  isOpen(at = new Date()): boolean {
    return isWithin(this.#window, Math.floor(this.#msOfDay(at) / 60_000));
  }

  /** Calls back once at the end of the window, when it is open now. @returns a function that takes that back. */
  onEnd(close: () => void): () => void {
    let timer: NodeJS.Timeout | undefined;
    const check = () => {
      if (this.isOpen()) timer = setTimeout(check, this.#msToEnd()).unref();
      else close();
    };
    check();
    return () => clearTimeout(timer);
  }

  /** By the clock on the wall, so an hour off on two nights of the year: whoever waits looks again then. */
  #msToEnd(): number {
    const ms = this.#window.endMinute * 60_000 - this.#msOfDay(new Date());
    return ms > 0 ? ms : ms + dayMs;
  }

  #msOfDay(at: Date): number {
    const parts = new Map(this.#format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const [hours, minutes, seconds] = [parts.get('hour')!, parts.get('minute')!, parts.get('second')!];
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + at.getMilliseconds();
  }
}
