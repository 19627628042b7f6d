import { describe, expect, test } from 'vitest';
import { makeProvisions, token } from '../../src/composition/provide.ts';

interface Bell {
  ring(): string;
}
interface Lamp {
  shine(): number;
}
interface Door {
  readonly bell: Bell;
  readonly lamp: Lamp;
}

const bell = token<Bell>('bell');
const lamp = token<Lamp>('lamp');
const door = token<Door>('door');

const aBell: Bell = { ring: () => 'ding' };
const aLamp: Lamp = { shine: () => 1 };

describe('provisions', () => {
  test('hand each need over by its name, whatever their order', () => {
    for (const deps of [
      { bell, lamp },
      { lamp, bell },
    ]) {
      const { value, made, take } = makeProvisions();
      made(door, (given: Door) => given, deps);
      value(lamp, aLamp);
      value(bell, aBell);
      expect(take(door)).toEqual({ bell: aBell, lamp: aLamp });
    }
  });

  test('make a value once, and not before it is asked for', () => {
    const { value, made, take } = makeProvisions();
    let times = 0;
    value(lamp, aLamp);
    made(bell, ({ lamp: light }: { lamp: Lamp }) => ({ ring: () => `${(times += light.shine())}` }), {
      lamp,
    });
    made(door, (deps: Door) => ((times += 100), deps), { bell, lamp });
    expect(times).toBe(0);
    expect(take(door)).toBe(take(door));
    expect(take(door).bell).toBe(take(bell));
    expect(times).toBe(100);
  });

  test('name what is not provided', () => {
    const { value, made, take } = makeProvisions();
    value(bell, aBell);
    made(door, (deps: Door) => deps, { bell, lamp });
    expect(() => take(door)).toThrow(/lamp/);
  });

  test('of the same name are different values', () => {
    const { value, take } = makeProvisions();
    const other = token<Bell>('bell');
    value(bell, aBell);
    expect(() => take(other)).toThrow();
  });
});

test('a need that is swapped, missing or wrong does not compile', () => {
  const { value, made, take } = makeProvisions();
  const makeDoor = (deps: Door): Door => deps;
  const text = token<string>('text');

  // Never called: `npm run typecheck` fails where an expected error is not there.
  const wirings = [
    () => made(door, makeDoor, { bell, lamp }),
    () => made(door, (deps: { bell: Bell; lamp?: Lamp }) => ({ lamp: aLamp, ...deps }), { bell, lamp }),
    // @ts-expect-error the needs are swapped
    () => made(door, makeDoor, { bell: lamp, lamp: bell }),
    // @ts-expect-error a need is missing
    () => made(door, makeDoor, { bell }),
    // @ts-expect-error a need is missing, although the maker could do without
    () => made(door, (deps: { bell: Bell; lamp?: Lamp }) => ({ lamp: aLamp, ...deps }), { bell }),
    // @ts-expect-error a need is of another type
    () => made(door, makeDoor, { bell, lamp: text }),
    // @ts-expect-error a need is of another name
    () => made(door, makeDoor, { bell, light: lamp }),
    // @ts-expect-error a need is not needed
    () => made(door, makeDoor, { bell, lamp, text }),
    // @ts-expect-error a need is no token
    () => made(door, makeDoor, { bell, lamp: aLamp }),
    // @ts-expect-error a plain symbol knows no type
    () => made(door, makeDoor, { bell, lamp: Symbol('lamp') }),
    // @ts-expect-error what is made is something else
    () => made(lamp, makeDoor, { bell, lamp }),
    // @ts-expect-error what is there is something else
    () => value(lamp, aBell),
    // @ts-expect-error what is taken is something else
    (): Lamp => take(bell),
  ];
  expect(wirings).toHaveLength(13);
});
