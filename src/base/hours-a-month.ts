/** As clouds count them for a price by the month. */
export const HOURS_A_MONTH = 730;
