import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

/**
 * Keeps the focus within `box`. If a rendering removes or moves the focused element, browsers move the focus to the start of
 * the page. This moves it back to the same element, or to the element of `fallback` if the former no longer exists.
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
