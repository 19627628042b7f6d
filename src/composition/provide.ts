import { Container } from 'inversify';

declare const provided: unique symbol;

/** The name of one value of the wiring, which knows the value's type. */
export type Token<Value> = symbol & { readonly [provided]: Value };

/** A token of its own; `name` is what errors call it. */
export function token<Value>(name: string): Token<Value> {
  return Symbol(name) as Token<Value>;
}

/** The token of each need, under the need's name. */
export type TokensFor<Deps> = { readonly [Name in keyof Deps]-?: Token<Deps[Name]> };

/** The values of the wiring. */
export interface Provisions {
  /** Provides what is there already. */
  readonly value: <Value>(token: Token<Value>, value: NoInfer<Value>) => void;

  /**
   * Provides what `make` makes of its needs; it is made once, when it is first asked for. inversify by itself
   * hands values over in the order of bare identifiers, whatever their types; here a need that is swapped, missing
   * or of another type does not compile.
   */
  readonly made: <Value, Deps extends object>(
    token: Token<Value>,
    make: (deps: Deps) => NoInfer<Value>,
    deps: TokensFor<NoInfer<Deps>>,
  ) => void;

  /** The value of `token`. Throws where nothing provides it, or one of its needs. */
  readonly take: <Value>(token: Token<Value>) => Value;
}

export function makeProvisions(): Provisions {
  const container = new Container();
  return {
    value(token, value) {
      container.bind(token).toConstantValue(value);
    },

    made<Value, Deps extends object>(
      token: Token<Value>,
      make: (deps: Deps) => Value,
      deps: TokensFor<Deps>,
    ) {
      const names = Object.keys(deps);
      const makeInOrder = (...values: unknown[]): Value =>
        make(Object.fromEntries(names.map((name, index) => [name, values[index]])) as Deps);
      container
        .bind<Value>(token)
        .toResolvedValue(makeInOrder, Object.values<Token<unknown>>(deps))
        .inSingletonScope();
    },

    take: (token) => container.get(token),
  };
}
