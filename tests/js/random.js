/** A small seeded generator (mulberry32), so that every failure can be run again by its seed. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Helpers over such a generator: whole numbers below a limit, members of a list, chances. */
export function dice(seed) {
  const random = randomFrom(seed);
  const below = (limit) => Math.floor(random() * limit);
  return {
    below,
    chance: (probability) => random() < probability,
    pick: (list) => list[below(list.length)],
    take: (list) => list.splice(below(list.length), 1)[0],
  };
}
