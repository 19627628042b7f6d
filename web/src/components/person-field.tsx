import type { ComponentChildren, RefObject } from 'preact';

/** A field for the user id or the name of a person, with its hint. `children` is the button next to it. */
export function PersonField({
  id,
  inputRef,
  text,
  placeholder = 'Name or user id',
  hint,
  isFirst = false,
  onText,
  children,
}: {
  id: string;
  inputRef?: RefObject<HTMLInputElement | null>;
  text: string;
  placeholder?: string;
  hint: ComponentChildren;
  /** Whether it gets the focus when its dialog opens. */
  isFirst?: boolean;
  onText: (text: string) => void;
  children: ComponentChildren;
}) {
  return (
    <>
      <div class="field-row">
        <input
          id={id}
          ref={inputRef ?? null}
          autofocus={isFirst}
          class="field"
          value={text}
          placeholder={placeholder}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          aria-describedby={`${id}-hint`}
          onInput={(event) => {
            onText(event.currentTarget.value);
          }}
        />
        {children}
      </div>
      <p id={`${id}-hint`} class="hint">
        {hint}
      </p>
    </>
  );
}
