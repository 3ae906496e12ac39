let pressed = false;
const waiting = new Set<() => void>();

for (const type of ['pointerup', 'pointercancel'])
  addEventListener(
    type,
    () => {
      pressed = false;
      // After the click that follows a release, so that it lands where it was meant to.
      setTimeout(() => {
        for (const resume of waiting) resume();
        waiting.clear();
      });
    },
    true,
  );
addEventListener(
  'pointerdown',
  () => {
    pressed = true;
  },
  true,
);

/** Runs the work now, or once the pointer is up: what moves the page under a press makes the press miss. */
export function whenReleased(work: () => void): void {
  if (pressed) waiting.add(work);
  else work();
}
