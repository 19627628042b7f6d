/** A limit on concurrent work is reached. The request has changed nothing. */
export class Overload extends Error {
  override readonly name = 'Overload';
}
