import { colorOf, initialsOf } from '../people.ts';

/** The initials of a name, in the colour of its id. The name is next to it, so it is hidden from screen readers. */
export function Avatar({
  id,
  name,
  size = 'medium',
}: {
  id: string;
  name: string;
  size?: 'small' | 'medium' | 'large';
}) {
  return (
    <span class={`avatar avatar-${size} avatar-color-${colorOf(id)}`} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
