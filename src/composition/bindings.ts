import { Container } from 'inversify';

/**
 * An inversify container whose bindings are checked by the compiler: names and types come from the interface
 * `Services`, so a binding with a missing dependency or one of a wrong type does not compile.
 */
export interface Bindings<Services> {
  /** Binds a value. */
  readonly bindValue: <Name extends keyof Services>(name: Name, value: Services[Name]) => void;
  /** Binds the result of `make`, which is called once, with the services named in `needs`, when it is first resolved. */
  readonly bindFactory: <Name extends keyof Services, const Needs extends readonly (keyof Services)[]>(
    name: Name,
    make: (deps: Pick<Services, NoInfer<Needs>[number]>) => Services[Name],
    needs: Needs,
  ) => void;
  /** The service of this name. Throws if it or one of its dependencies is not bound. */
  readonly resolve: <Name extends keyof Services>(name: Name) => Services[Name];
}

export function makeBindings<Services>(): Bindings<Services> {
  const container = new Container();
  const tokenOf = (name: keyof Services): string => String(name);
  return {
    bindValue(name, value) {
      container.bind(tokenOf(name)).toConstantValue(value);
    },
    bindFactory(name, make, needs) {
      type Deps = Parameters<typeof make>[0];
      const makeInOrder = (...values: unknown[]) =>
        make(Object.fromEntries(needs.map((need, index) => [need, values[index]])) as Deps);
      container
        .bind(tokenOf(name))
        .toResolvedValue(makeInOrder, needs.map(tokenOf) as never)
        .inSingletonScope();
    },
    resolve: (name) => container.get(tokenOf(name)),
  };
}
