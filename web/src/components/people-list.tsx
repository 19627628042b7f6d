import { nameOf, type Names } from '../people.ts';
import { Avatar } from './avatar.tsx';

/** Buttons that pick a known person; nothing if there are none. */
export function PeopleList({
  ids,
  names,
  isDisabled = false,
  onPick,
}: {
  ids: readonly string[];
  names: Names;
  isDisabled?: boolean;
  onPick: (id: string) => void;
}) {
  if (ids.length === 0) return null;
  return (
    <ul class="people" aria-label="People you know">
      {ids.map((id) => (
        <li key={id}>
          <button
            type="button"
            class="person"
            disabled={isDisabled}
            onClick={() => {
              onPick(id);
            }}
          >
            <Avatar id={id} name={nameOf(id, names)} size="small" />
            <span class="person-name">{nameOf(id, names)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
