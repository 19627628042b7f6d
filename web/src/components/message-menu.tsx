import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { DeleteIcon, EditIcon, MoreIcon } from './icons.tsx';

/** The distance between the button and its menu, and of the menu from the border of the window, in pixels. */
const GAP = 8;

/**
 * The button of a message of the user that opens a menu: edit, delete. A long press on the message opens it, too: `openRef`
 * receives the function that does so.
 */
export function MessageMenu({
  openRef,
  describedBy,
  onEdit,
  onDelete,
}: {
  openRef: { current: (() => void) | null };
  /** The id of the element with the text of the message. */
  describedBy: string;
  onEdit: () => void;
  onDelete: () => void;
}) {
  const [isOpen, setIsOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  openRef.current = () => {
    setIsOpen(true);
  };

  // The menu is in the top layer, so that the list of messages does not cut it off.
  useLayoutEffect(() => {
    if (!isOpen || menu.current === null || button.current === null) return;
    const box = menu.current;
    const at = button.current.getBoundingClientRect();
    box.showPopover();
    const isBelow = at.bottom + GAP + box.offsetHeight < innerHeight - GAP;
    box.style.top = `${isBelow ? at.bottom + GAP : at.top - GAP - box.offsetHeight}px`;
    box.style.left = `${Math.max(GAP, Math.min(at.left, innerWidth - box.offsetWidth - GAP))}px`;
    box.querySelector('button')?.focus();
  }, [isOpen]);

  // These may move the button away from its menu.
  useEffect(() => {
    if (!isOpen) return undefined;
    const close = (): void => {
      menu.current?.hidePopover();
    };
    addEventListener('resize', close);
    return () => {
      removeEventListener('resize', close);
    };
  }, [isOpen]);

  const choose = (act: () => void): void => {
    menu.current?.hidePopover();
    act();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        class="message-more"
        aria-label="Message actions"
        aria-describedby={describedBy}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => {
          setIsOpen(true);
        }}
      >
        <MoreIcon />
      </button>
      {isOpen && (
        <div
          ref={menu}
          popover="auto"
          class="menu"
          role="menu"
          aria-label="Message actions"
          onToggle={(event) => {
            if (event.newState === 'closed') setIsOpen(false);
          }}
          onKeyDown={moveFocus}
        >
          <button
            type="button"
            role="menuitem"
            onClick={() => {
              choose(onEdit);
            }}
          >
            <EditIcon /> Edit
          </button>
          <button
            type="button"
            role="menuitem"
            onClick={() => {
              choose(onDelete);
            }}
          >
            <DeleteIcon /> Delete
          </button>
        </div>
      )}
    </>
  );
}

/** The arrow keys move between the items; Tab closes the menu. */
function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  if (event.key === 'Tab') event.currentTarget.hidePopover();
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll('button')];
  const step = event.key === 'ArrowDown' ? 1 : -1;
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  items[(at + step + items.length) % items.length]?.focus();
}
