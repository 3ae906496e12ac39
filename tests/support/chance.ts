/** Numbers below 1, the same for the same seed (mulberry32): chance that a failing test can be run with again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same, for seeds that are counted up: what begins alike does not go on alike. */
export function chanceOf(seed: number): () => number {
  return seededRandom(seed * 0x9e3779b9);
}
