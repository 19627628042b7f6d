import { describe, expect, test } from 'vitest';
import { makeBindings } from '../../src/composition/bindings.ts';

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
interface Services extends Door {
  readonly door: Door;
  readonly text: string;
}

const aBell: Bell = { ring: () => 'ding' };
const aLamp: Lamp = { shine: () => 1 };

describe('bindings', () => {
  test('inject each dependency by its name, in any order', () => {
    for (const needs of [['bell', 'lamp'] as const, ['lamp', 'bell'] as const]) {
      const { bindValue, bindFactory, resolve } = makeBindings<Services>();
      bindFactory('door', (deps) => deps, needs);
      bindValue('lamp', aLamp);
      bindValue('bell', aBell);
      expect(resolve('door')).toEqual({ bell: aBell, lamp: aLamp });
    }
  });

  test('call a factory once, and not before its service is resolved', () => {
    const { bindValue, bindFactory, resolve } = makeBindings<Services>();
    let times = 0;
    bindValue('lamp', aLamp);
    bindFactory('bell', ({ lamp }) => ({ ring: () => `${(times += lamp.shine())}` }), ['lamp']);
    bindFactory('door', (deps) => ((times += 100), deps), ['bell', 'lamp']);
    expect(times).toBe(0);
    expect(resolve('door')).toBe(resolve('door'));
    expect(resolve('door').bell).toBe(resolve('bell'));
    expect(times).toBe(100);
  });

  test('the error names the unbound service', () => {
    const { bindValue, bindFactory, resolve } = makeBindings<Services>();
    bindValue('bell', aBell);
    bindFactory('door', (deps) => deps, ['bell', 'lamp']);
    expect(() => resolve('door')).toThrow(/lamp/);
  });
});

test('a dependency that is missing or of another type does not compile', () => {
  const { bindValue, bindFactory, resolve } = makeBindings<Services>();
  const makeDoor = (deps: Door): Door => deps;

  // Never called: `npm run typecheck` fails if an expected error is missing.
  const wirings = [
    () => bindFactory('door', makeDoor, ['bell', 'lamp']),
    // @ts-expect-error a dependency is missing
    () => bindFactory('door', makeDoor, ['bell']),
    // @ts-expect-error a dependency is of another name
    () => bindFactory('door', makeDoor, ['bell', 'text']),
    // @ts-expect-error a dependency is of another type
    () => bindFactory('door', ({ text }: { text: Lamp }) => ({ bell: aBell, lamp: text }), ['text']),
    // @ts-expect-error there is no service of this name
    () => bindFactory('door', makeDoor, ['bell', 'lamp', 'light']),
    // @ts-expect-error the factory returns another type
    () => bindFactory('lamp', makeDoor, ['bell', 'lamp']),
    // @ts-expect-error the value is of another type
    () => bindValue('lamp', aBell),
    // @ts-expect-error the service is of another type
    (): Lamp => resolve('bell'),
  ];
  expect(wirings).toHaveLength(8);
});
