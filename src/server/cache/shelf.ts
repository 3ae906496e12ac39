/** A bounded map: past its count or its bytes, what was not used since the last sweep goes first (the clock algorithm). */
export type Shelf<V> = {
  /** As `get`, and remembers that it was wanted. */
  use: (key: string) => V | undefined;
  get: (key: string) => V | undefined;
  has: (key: string) => boolean;
  set: (key: string, value: V) => void;
  delete: (key: string) => void;
  count: () => number;
  bytes: () => number;
};

type Slot<V> = { value: V; bytes: number; used: boolean };

export function createShelf<V>(maxCount: number, maxBytes: number, bytesOf: (value: V) => number): Shelf<V> {
  const slots = new Map<string, Slot<V>>();
  let bytes = 0;

  function remove(key: string): void {
    bytes -= slots.get(key)?.bytes ?? 0;
    slots.delete(key);
  }

  function makeRoom(): void {
    while (slots.size > maxCount || bytes > maxBytes) {
      const [key, slot] = slots.entries().next().value as [string, Slot<V>];
      if (slot.used && slots.size > 1) {
        // A second chance, at the end of the line. Marks are only set by use, so this ends.
        slot.used = false;
        slots.delete(key);
        slots.set(key, slot);
      } else {
        remove(key);
      }
    }
  }

  return {
    use: (key) => {
      const slot = slots.get(key);
      if (!slot) return undefined;
      slot.used = true;
      return slot.value;
    },
    get: (key) => slots.get(key)?.value,
    has: (key) => slots.has(key),
    set: (key, value) => {
      const used = slots.get(key)?.used ?? false;
      remove(key);
      const size = bytesOf(value);
      slots.set(key, { value, bytes: size, used });
      bytes += size;
      makeRoom();
    },
    delete: remove,
    count: () => slots.size,
    bytes: () => bytes,
  };
}
