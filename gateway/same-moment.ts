let moment: Promise<void> | undefined;

/**
 * Resolves when the event loop has heard of everything that is there to be heard now. Requests that came together go on
 * together, so that what has to be looked at for each of them (whether rights have changed) is looked at once for all.
 */
export function sameMoment(): Promise<void> {
  moment ??= new Promise((resolve) => {
    setImmediate(() => {
      moment = undefined;
      resolve();
    });
  });
  return moment;
}
