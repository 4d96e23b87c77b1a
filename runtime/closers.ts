type Close = () => void | Promise<void>;

/**
 * Opens several things, one after the other. Each is named to `onClose` as soon as it is open; when a later one fails,
 * those are closed, the last first, before the failure goes on.
 * @returns what `open` returned, and what closes everything.
 */
export async function openAll<Opened>(
  open: (onClose: (close: Close) => void) => Promise<Opened>,
): Promise<{ opened: Opened; close: () => Promise<void> }> {
  const closers: Close[] = [];
  const close = async () => {
    for (let next = closers.pop(); next; next = closers.pop()) await next();
  };
  try {
    return { opened: await open((closer) => closers.push(closer)), close };
  } catch (error) {
    await close();
    throw error;
  }
}
