import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** A list within this distance from its end, in pixels, counts as scrolled to its end. */
const NEAR_END = 48;

/** What stays in place: the end, or an item and its distance from the top of the scrolling element. */
type Anchor = 'end' | { readonly key: string; readonly top: number };

/**
 * Keeps a scrolling list in place while its content changes: at its end if it was there, and otherwise at the item that is
 * at the top of the view. Items have the attribute `data-key`. Turn off the browser's own `overflow-anchor`.
 */
export function useStableScroll(): {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly isAtEnd: boolean;
  /** To be called on each scroll event. */
  readonly onScroll: () => void;
  readonly scrollToEnd: () => void;
} {
  const scroller = useRef<HTMLDivElement>(null);
  const anchor = useRef<Anchor>('end');
  /** Where the list was when the anchor was last noted or restored. */
  const scrollTop = useRef(0);
  const [isAtEnd, setIsAtEnd] = useState(true);

  const restore = (): void => {
    const box = scroller.current;
    if (box === null) return;
    if (anchor.current === 'end') {
      box.scrollTop = box.scrollHeight;
    } else {
      const item = box.querySelector(`[data-key="${CSS.escape(anchor.current.key)}"]`);
      if (item !== null) box.scrollTop += topWithin(box, item) - anchor.current.top;
    }
    scrollTop.current = box.scrollTop;
  };

  const noteAnchor = (box: HTMLElement): void => {
    anchor.current = anchorOf(box);
    scrollTop.current = box.scrollTop;
  };

  const onScroll = (): void => {
    const box = scroller.current;
    if (box === null) return;
    noteAnchor(box);
    setIsAtEnd(anchor.current === 'end');
  };

  const scrollToEnd = (): void => {
    anchor.current = 'end';
    setIsAtEnd(true);
    restore();
  };

  // A script or the focus may have scrolled the list in this task; its scroll event comes with the next frame. The anchor is
  // noted before the rendering changes the content.
  const box = scroller.current;
  if (box !== null && box.scrollTop !== scrollTop.current) noteAnchor(box);

  // After each rendering, before it is painted.
  useLayoutEffect(restore);

  // The view also changes its size: with the window, the keyboard of a phone, and the text that is being written.
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return undefined;
    const observer = new ResizeObserver(restore);
    observer.observe(box);
    return () => {
      observer.disconnect();
    };
  }, []);

  return { scroller, isAtEnd, onScroll, scrollToEnd };
}

function anchorOf(box: HTMLElement): Anchor {
  if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END) return 'end';
  const items = box.querySelectorAll<HTMLElement>('[data-key]');
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item !== undefined && topWithin(box, item) + item.offsetHeight <= 0) low = middle + 1;
    else high = middle;
  }
  const item = items[low];
  return item === undefined ? 'end' : { key: item.dataset['key'] ?? '', top: topWithin(box, item) };
}

function topWithin(box: Element, item: Element): number {
  return item.getBoundingClientRect().top - box.getBoundingClientRect().top;
}
