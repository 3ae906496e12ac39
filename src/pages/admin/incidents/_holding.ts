/** A holding update that needs nothing to be known. */
export const PLAIN_HOLD = 'Nothing has changed since our last update. We are still working on it.';
