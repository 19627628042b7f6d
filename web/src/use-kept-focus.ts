import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

/**
 * Keeps the focus within `box`. If a rendering removes or moves the element that has it, browsers give it to the page, and
 * the keyboard begins anew at its top. It returns to the same element, or goes to that of `fallback` if it is gone.
 * `fallback` gets the element that had it.
 */
export function useKeptFocus(
  box: RefObject<HTMLElement | null>,
  fallback: (before: Element) => HTMLElement | null = () => null,
): void {
  const before = document.activeElement;
  const wasWithin = before !== null && box.current?.contains(before) === true;
  useLayoutEffect(() => {
    if (!wasWithin || document.activeElement !== document.body) return;
    const target = before.isConnected ? before : fallback(before);
    if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  });
}
