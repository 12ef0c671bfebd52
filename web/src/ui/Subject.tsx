import { placeOf } from "@/lib/subject";

import { GoTo } from "./GoTo";

// Subject names a record of a partner's Bilateral by its key, and leads to it.
export function Subject({ of, partner }: { of: string; partner: string }) {
  const place = placeOf(of, partner);
  return place ? (
    <GoTo to={place.to} search={place.search} size="sm">
      <span title={of}>{of}</span>
    </GoTo>
  ) : (
    <span title={of}>{of}</span>
  );
}
