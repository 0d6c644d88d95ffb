/** What is asked for in one turn of the event loop is answered by one call: `work` gets all of it and gives an answer for each, in order. */
export class Batch<Question, Answer> {
  readonly #work: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  #waiting: { question: Question; resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];

  constructor(work: (questions: readonly Question[]) => Promise<readonly Answer[]>) {
    this.#work = work;
  }

  add(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => void this.#answer());
      this.#waiting.push({ question, resolve, reject });
    });
  }

  async #answer(): Promise<void> {
    const asked = this.#waiting;
    this.#waiting = [];
    try {
      const answers = await this.#work(asked.map(({ question }) => question));
      for (const [index, { resolve }] of asked.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
