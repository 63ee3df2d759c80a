/** Lists come in pages; these go through all of them. */

/** Which part of a list to give. */
export interface PageQuery {
  /** At most so many items, 1 to 500; 100 unless given. */
  readonly limit?: number | undefined
  /** `next_cursor` of the page before. */
  readonly cursor?: string | undefined
}

/** A part of a list. */
export interface Page<Item> {
  items: Item[]
  /** Where the next page begins; `null` on the last one. */
  next_cursor: string | null
}

/** Every item of a list, page by page as it is asked for. */
export async function* everyItem<Item>(
  first: string | undefined,
  ask: (cursor: string | undefined) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | null | undefined = first
  do {
    const page: Page<Item> = await ask(cursor)
    yield* page.items
    cursor = page.next_cursor
  } while (cursor != null)
}
