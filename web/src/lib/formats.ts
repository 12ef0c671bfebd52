// Formats of a language are kept: making one takes as long as using it a hundred times,
// and a table uses one in every cell.

function kept<O, F>(make: (locale: string, options: O) => F): (locale: string, options: O) => F {
  const of = new Map<string, F>();
  return (locale, options) => {
    const key = `${locale} ${JSON.stringify(options)}`;
    let f = of.get(key);
    if (!f) {
      if (of.size > 500) of.clear(); // zones times shapes times languages: never met, and a bound
      of.set(key, (f = make(locale, options)));
    }
    return f;
  };
}

export const dateFormat = kept((locale, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options));

export const numberFormat = kept((locale, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options));

// pointOf is the sign between a number and its decimal places.
export function pointOf(locale: string): string {
  let point = points.get(locale);
  if (!point) {
    point = numberFormat(locale, { minimumFractionDigits: 1 }).formatToParts(1.5).find((p) => p.type === "decimal")?.value ?? ".";
    points.set(locale, point);
  }
  return point;
}

const points = new Map<string, string>();
